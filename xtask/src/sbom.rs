//! `cargo xtask sbom`: what each program is made of, as `CycloneDX` in JSON: one list of crates for each
//! program, and one of the packages that the page in the window is built from.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    process::{self, cargo, command, root},
    say, setup,
};

const CARGO_SBOM: &str = "cargo-sbom@0.10.0";

pub(crate) fn sbom() -> Result<()> {
    setup::ensure_cargo_tool("cargo-sbom", CARGO_SBOM)?;
    let folder = root().join("target/sbom");
    fs::create_dir_all(&folder)?;
    for program in ["teal", "teal-desktop"] {
        let mut list = cargo();
        list.args(["sbom", "--output-format", "cyclone_dx_json_1_6"]);
        let text = process::run_quietly(list.args(["--cargo-package", program]))?;
        write(&folder.join(format!("{program}.cdx.json")), &text)?;
    }
    let mut list = command("npm");
    list.args(["--prefix", "ui", "sbom", "--package-lock-only"]);
    let text = process::run_quietly(list.args(["--sbom-format", "cyclonedx"]))?;
    write(&folder.join("teal-desktop-page.cdx.json"), &text)
}

/// Only what says that it is a list with something in it.
fn write(path: &Path, text: &str) -> Result<()> {
    let list: Value = serde_json::from_str(text).context("the list is no JSON")?;
    let count = list["components"].as_array().map_or(0, Vec::len);
    if list["bomFormat"] != "CycloneDX" || count == 0 {
        bail!("{} would list nothing", path.display());
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
    say(&format!("{}: {count} components", path.display()));
    Ok(())
}
