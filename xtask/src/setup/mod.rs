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

use anyhow::Result;

pub(crate) use cargo_tool::{CARGO_DENY, ensure_cargo_tool};

use crate::process::{self, command};

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

/// The pages that the desktop program embeds.
pub(crate) fn build_front_end() -> Result<()> {
    let mut build = command("npm");
    build.args(["--prefix", "ui", "run", "--silent", "build"]);
    process::run_quietly(&mut build).map(drop)
}
