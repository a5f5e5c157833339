//! The programs' files.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::{built, memory::mebibytes};

pub(super) fn size() -> Result<String> {
    let mut text = "## Size\n\n| program | file |\n| --- | ---: |\n".to_owned();
    for program in ["teal", "teal-desktop"] {
        let file = built(program)
            .metadata()
            .with_context(|| format!("`{program}` is not built"))?;
        writeln!(text, "| `{program}` | {} |", mebibytes(file.len()))?;
    }
    Ok(text)
}
