//! What can be typed to start the window.

use std::{
    path::{Path, PathBuf, absolute},
    process::ExitCode,
};

use clap::Parser;
use teal_engine::model::ProjectSource;

/// Wrong usage, as `teal` has it.
const WRONG_USAGE: u8 = 64;

/// Teal's window. `teal` is the command line.
#[derive(Debug, Parser)]
#[command(name = "teal-desktop", version)]
pub(crate) struct Args {
    /// Compose file to open, or the folder of one
    file: Option<PathBuf>,
}

impl Args {
    pub(crate) fn source(&self) -> Option<ProjectSource> {
        self.source_in(Path::new(""))
    }

    /// What a start in this directory opens; an empty one is that of this process.
    pub(crate) fn source_in(&self, directory: &Path) -> Option<ProjectSource> {
        let file = directory.join(self.file.as_ref()?);
        Some(ProjectSource {
            // One that can't be made absolute (it is empty) is the engine's to complain about.
            files: vec![absolute(&file).unwrap_or(file)],
            ..ProjectSource::default()
        })
    }
}

/// Prints clap's help, version or complaint.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    // Where it can't be printed, nobody reads it.
    error.print().ok();
    if error.use_stderr() {
        ExitCode::from(WRONG_USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_is_resolved_where_it_was_typed() {
        let args = Args::try_parse_from(["teal-desktop", "shop/compose.yml"]).unwrap();
        let source = args.source().unwrap();
        assert!(source.files[0].is_absolute());
        assert!(source.files[0].ends_with("shop/compose.yml"));
    }

    #[test]
    fn a_second_start_opens_what_was_named_where_it_was_typed() {
        let args = Args::try_parse_from(["teal-desktop", "compose.yml"]).unwrap();
        let source = args.source_in(Path::new("/srv/shop")).unwrap();
        assert_eq!(source.files, [Path::new("/srv/shop/compose.yml")]);
    }

    #[test]
    fn without_a_file_nothing_is_opened() {
        let args = Args::try_parse_from(["teal-desktop"]).unwrap();
        assert_eq!(args.source(), None);
    }
}
