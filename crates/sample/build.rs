//! Builds the static `hello` that the library embeds.
//!
//! A program in an image made from nothing has no libc to load, so it is linked with its own: by a
//! second cargo with its own target directory, since the first one holds the lock of this one.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

/// What the build has in its environment for the crates around this one, and what would make of
/// `hello` something else than a plain static release build.
const NOT_FOR_HELLO: &[&str] = &[
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for input in ["crates/hello", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let out = PathBuf::from(variable("OUT_DIR"));
    let target = variable("TARGET");
    // Containers run Linux. Elsewhere this needs a linker for it, which few have.
    let hello = if target.contains("-linux-") {
        build(&root, &out, &target)
    } else {
        Vec::new()
    };
    let mut hasher = DefaultHasher::new();
    hello.hash(&mut hasher);
    println!("cargo::rustc-env=HELLO_DIGEST={:016x}", hasher.finish());
    fs::write(out.join("hello"), hello).expect("the build's own directory can be written");
}

fn build(root: &Path, out: &Path, target: &str) -> Vec<u8> {
    let directory = shared_directory(out);
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--quiet", "--release", "--package", "teal-hello"])
        .args(["--target", target])
        .arg("--target-dir")
        .arg(&directory)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    for name in NOT_FOR_HELLO {
        cargo.env_remove(name);
    }
    let output = cargo.output().expect("cargo runs, since it runs this");
    assert!(
        output.status.success(),
        "can't build the static `hello` (it needs the static libc: `libc6-dev` on Debian, \
         `glibc-static` on Fedora):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let program = directory.join(target).join("release/hello");
    fs::read(&program).unwrap_or_else(|error| panic!("no `{}`: {error}", program.display()))
}

/// `target/static`, one for all profiles, so that `hello` is built once.
fn shared_directory(out: &Path) -> PathBuf {
    // OUT_DIR is target/[triple/]profile/build/package/out; the marker is at the top.
    out.ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").exists())
        .unwrap_or(out)
        .join("static")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for a build script"))
}
