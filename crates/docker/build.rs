//! Builds the sidecar, the static program that the engine carries and puts into an image, for each
//! architecture that this toolchain can build it for.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = "../sidecar/src";

/// With this at `1` a build without a sidecar for each architecture fails: that is a release's.
const ALL: &str = "TEAL_ALL_SIDECARS";

/// The name of an architecture in Docker, and in Rust.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-env-changed={ALL}");
    let needs_all = env::var(ALL).is_ok_and(|value| value == "1");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut table = String::from("&[");
    for (docker, architecture) in ARCHITECTURES {
        let Some(target) = target_for(architecture)? else {
            if needs_all {
                return Err(format!(
                    "{ALL} is set, and the toolchain can't build a sidecar for {docker}: `rustup target add {architecture}-unknown-linux-musl`"
                )
                .into());
            }
            continue;
        };
        let program = out.join(format!("teal-sidecar-{docker}"));
        compile(&target, &program)?;
        let mut hasher = DefaultHasher::new();
        fs::read(&program)?.hash(&mut hasher);
        write!(
            table,
            "Program {{ architecture: {docker:?}, digest: \"{:016x}\", bytes: include_bytes!({:?}) }},",
            hasher.finish(),
            program.to_string_lossy()
        )?;
    }
    table.push(']');
    fs::write(out.join("sidecars.rs"), table)?;
    Ok(())
}

/// The installed target to build with. musl's carries its own C library and start files, so it
/// links on every host; glibc's needs the host's own.
fn target_for(architecture: &str) -> Result<Option<String>, Box<dyn Error>> {
    let output = rustc().args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let is_installed = |target: &str| {
        sysroot
            .join("lib/rustlib")
            .join(target)
            .join("lib")
            .is_dir()
    };

    let musl = format!("{architecture}-unknown-linux-musl");
    let gnu = format!("{architecture}-unknown-linux-gnu");
    if is_installed(&musl) {
        Ok(Some(musl))
    } else if env::var("HOST")? == gnu && is_installed(&gnu) {
        Ok(Some(gnu))
    } else {
        Ok(None)
    }
}

fn compile(target: &str, program: &Path) -> Result<(), Box<dyn Error>> {
    let mut command = rustc();
    command
        .args(["--edition", "2024", "--crate-name", "teal_sidecar"])
        .args(["--target", target, "--cap-lints", "allow"])
        .args(["-C", "target-feature=+crt-static", "-C", "panic=abort"])
        .args([
            "-C",
            "opt-level=s",
            "-C",
            "lto",
            "-C",
            "codegen-units=1",
            "-C",
            "strip=symbols",
        ]);
    if target.ends_with("musl") {
        command.args(["-C", "linker=rust-lld", "-C", "link-self-contained=yes"]);
    }
    let output = command
        .arg("-o")
        .arg(program)
        .arg(Path::new(SOURCE).join("main.rs"))
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("could not build the sidecar for {target}:\n{errors}").into())
}

/// The compiler that cargo uses, without what it means for the crates of this workspace only.
fn rustc() -> Command {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(rustc);
    command
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}
