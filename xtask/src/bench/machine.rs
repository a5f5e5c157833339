//! What the figures were measured on.

use std::{fmt::Write, fs, thread};

use anyhow::{Context, Result};
use jiff::{Timestamp, tz::TimeZone};

use super::memory::mebibytes;
use crate::process::{command, run_quietly};

const TRAEFIK: &str = "traefik:v3.7";

/// The beginning of a document with this title, whose figures come from release builds.
pub(super) fn describe(title: &str, command: &str) -> Result<String> {
    let table = table()?;
    Ok(format!(
        "# {title}\n\nMeasured by `{command}`, of release builds, on one machine; `--write` writes \
         this page again.\n\n{table}"
    ))
}

/// The machine and what runs on it, as a table.
pub(crate) fn table() -> Result<String> {
    let rows = [
        ("Teal", revision()?),
        ("measured on", today()),
        ("processor", processor()?),
        ("memory", memory()?),
        ("load at the start", load()?),
        ("kernel", output("uname", &["-sr"])?),
        (
            "Docker Engine",
            docker(&["version", "--format", "{{.Server.Version}}"])?,
        ),
        (
            "Docker Compose",
            docker(&["compose", "version", "--short"])?,
        ),
        ("Traefik", traefik()?),
    ];
    let mut text = "| | |\n| --- | --- |\n".to_owned();
    for (name, value) in rows {
        writeln!(text, "| {name} | {value} |")?;
    }
    Ok(text)
}

fn revision() -> Result<String> {
    output("git", &["describe", "--always", "--dirty", "--tags"])
}

fn today() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).date().to_string()
}

fn processor() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map_or("unnamed", |rest| rest.trim_start_matches([' ', '\t', ':']));
    Ok(format!(
        "{} cores, {name}",
        thread::available_parallelism()?
    ))
}

fn memory() -> Result<String> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"))
        .context("no MemTotal in /proc/meminfo")?;
    Ok(mebibytes(total.parse::<u64>()? * 1024))
}

/// A machine that does other things too measures badly; whoever reads the figures should know.
fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let minute = text.split(' ').next().unwrap_or_default();
    Ok(format!("{minute} processes over the last minute"))
}

fn traefik() -> Result<String> {
    let printed = docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "traefik",
        TRAEFIK,
        "version",
    ])?;
    let version = printed
        .lines()
        .find_map(|line| line.strip_prefix("Version:"));
    Ok(version
        .context("Traefik does not say its version")?
        .trim()
        .to_owned())
}

fn docker(arguments: &[&str]) -> Result<String> {
    output("docker", arguments)
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    Ok(run_quietly(command(program).args(arguments))?
        .trim()
        .to_owned())
}
