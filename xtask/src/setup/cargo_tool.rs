//! Programs of cargo's that no package brings.

use anyhow::Result;

use crate::{
    process::{cargo, exists, run_quietly, tools},
    say,
};

pub(crate) const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Installs a program of cargo's for this clone, unless there is one.
pub(crate) fn ensure_cargo_tool(program: &str, package: &str) -> Result<()> {
    if exists(program) {
        return Ok(());
    }
    say(&format!("installing {package} for this clone"));
    let mut install = cargo();
    install
        .args([
            "install", "--quiet", "--locked", "--debug", package, "--root",
        ])
        .arg(tools())
        // To compile it well takes longer than it would ever save.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    run_quietly(&mut install).map(drop)
}
