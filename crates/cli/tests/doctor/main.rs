//! What `teal doctor` says of shapes of projects, as text that can be reviewed. Nothing is started:
//! files and images alone are judged, and of the images none is there.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Writes the text instead of comparing it.
const WRITE: &str = "TEAL_WRITE_DOCS";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor")
}

/// The exit code, and what is said of a compose file that lies in a folder of its own, called `.`.
fn doctor(shape: &Path) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    fs::copy(shape, place.join("compose.yaml")).unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_teal"))
        .arg("doctor")
        .current_dir(place)
        .env("XDG_DATA_HOME", place.join("data"))
        .env("XDG_STATE_HOME", place.join("state"))
        .env("NO_COLOR", "1")
        .env_remove("COMPOSE_FILE")
        .env_remove("COMPOSE_PROFILES")
        .output()
        .unwrap();
    let said = [stderr, stdout].map(|bytes| String::from_utf8(bytes).unwrap());
    let said = said.concat().replace(place.to_str().unwrap(), ".");
    (status.code().unwrap(), said)
}

/// Each shape with what is said of it, by the names of their files.
fn said() -> String {
    let shapes = fs::read_dir(folder().join("shapes")).unwrap();
    let mut shapes: Vec<_> = shapes.map(|entry| entry.unwrap().path()).collect();
    shapes.sort();
    assert!(shapes.len() > 10);
    let mut text = String::new();
    for shape in shapes {
        let (code, said) = doctor(&shape);
        let name = shape.file_stem().unwrap().to_string_lossy();
        write!(text, "## {name}: exit code {code}\n\n{said}\n").unwrap();
    }
    text
}

#[test]
fn shapes_are_told_as_what_they_are() {
    let path = folder().join("shapes.txt");
    let said = said();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &said).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap();
    assert!(
        said == known,
        "run it once with {WRITE}=1, and read what has changed:\n{said}"
    );
}
