//! `teal man`

use std::path::Path;

use clap::CommandFactory;

use super::Outcome;
use crate::{cli::Cli, failure::Failure, screen::Screen};

pub(super) fn run(directory: Option<&Path>, screen: &mut Screen) -> Outcome {
    let command = Cli::command();
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(command, directory))
            .map_err(|error| Failure::System("write the manual pages", error))?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::System("make the manual page", error))?;
        screen.write(&page);
    }
    Ok(0)
}
