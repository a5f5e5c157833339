//! Installs what building, running and testing need. Each step looks first, and says what it does
//! only when there is something to do.

mod cargo_tool;
mod compose;
mod engine;
mod image;
#[cfg(unix)]
mod nginx;
mod node;
mod packages;
mod python;
mod traefik;

use std::{fs, io, path::Path};

use anyhow::{Context, Result};

pub(crate) use cargo_tool::{CARGO_DENY, ensure_cargo_tool};

use crate::process::{self, command, root};

/// What a job needs besides building.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// A Docker engine, with Compose and the image of Traefik.
    pub engine: bool,
    /// A display without a screen, and a driver for the web view.
    pub driven_window: bool,
    /// The images of tests.
    pub test_images: bool,
}

impl Needs {
    pub(crate) const BUILD: Self = Self {
        engine: false,
        driven_window: false,
        test_images: false,
    };
    pub(crate) const RUN: Self = Self {
        engine: true,
        ..Self::BUILD
    };
    pub(crate) const ALL: Self = Self {
        engine: true,
        driven_window: true,
        test_images: true,
    };
}

pub(crate) fn setup(needs: Needs) -> Result<()> {
    packages::setup(needs)?;
    node::setup()?;
    if needs.engine {
        engine::setup()?;
        compose::setup()?;
        traefik::setup()?;
    }
    #[cfg(unix)]
    if needs.test_images {
        nginx::setup()?;
    }
    Ok(())
}

/// What looks at every state of the window.
pub(crate) fn browser() -> Result<()> {
    if process::exists("chromium") {
        return Ok(());
    }
    packages::install(&["chromium"])
}

/// The pages that the desktop program embeds. What comes out as it was is left alone, so that cargo
/// compiles the program again only where its pages are others.
pub(crate) fn build_front_end() -> Result<()> {
    let fresh = root().join("target/front-end");
    let mut build = command("npm");
    build.args(["--prefix", "ui", "run", "--silent", "build", "--"]);
    build.args(["--emptyOutDir", "--outDir"]).arg(&fresh);
    process::run_quietly(&mut build)?;
    mirror(&fresh, &root().join("ui/dist")).context("can't write ui/dist")
}

/// Makes the folder `to` hold what `from` holds; a file that is the same is not written.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if from.join(name).exists() {
            continue;
        }
        match path.is_dir() {
            true => fs::remove_dir_all(path)?,
            false => fs::remove_file(path)?,
        }
    }
    for entry in fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let target = to.join(name);
        if path.is_dir() {
            mirror(&path, &target)?;
            continue;
        }
        let content = fs::read(path)?;
        if fs::read(&target).ok().as_ref() != Some(&content) {
            fs::write(target, content)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_another_and_what_is_the_same_is_not_written() {
        let folder = root().join("target/tmp/mirror");
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::remove_dir_all(&folder).ok();
        for (file, content) in [
            ("from/index.html", "new"),
            ("from/assets/same.js", "same"),
            ("to/index.html", "old"),
            ("to/assets/same.js", "same"),
            ("to/assets/gone.js", "gone"),
            ("to/gone/other.js", "gone"),
        ] {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        let written = |file: &str| fs::metadata(to.join(file)).unwrap().modified().unwrap();
        let before = written("assets/same.js");
        mirror(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("index.html")).unwrap(), "new");
        assert_eq!(written("assets/same.js"), before);
        assert!(!to.join("assets/gone.js").exists() && !to.join("gone").exists());
    }
}
