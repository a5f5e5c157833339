//! Programs and libraries of the system.

use anyhow::{Result, bail};

use super::{Needs, engine};
use crate::{
    process::{command, exists, run_quietly, succeeds},
    say,
};

/// Something of the system, and the Debian packages that bring it.
struct Part {
    is_there: bool,
    packages: &'static [&'static str],
}

pub(crate) fn setup(needs: Needs) -> Result<()> {
    if cfg!(target_os = "linux") {
        install_missing(&linux_parts(needs))
    } else {
        elsewhere(needs)
    }
}

fn linux_parts(needs: Needs) -> Vec<Part> {
    let part = |is_there, packages| Part { is_there, packages };
    let webkit = || succeeds(command("pkg-config").args(["--exists", "webkit2gtk-4.1"]));
    let mut parts = vec![
        part(exists("cc"), &["build-essential"]),
        part(exists("pkg-config"), &["pkg-config"]),
        part(webkit(), &["libwebkit2gtk-4.1-dev"]),
    ];
    if needs.engine {
        parts.push(part(exists("busybox"), &["busybox-static"]));
    }
    if needs.engine && !engine::answers() {
        let packages = &["docker.io", "iptables", "ca-certificates"];
        parts.push(part(exists("dockerd") && exists("docker"), packages));
    }
    if needs.driven_window {
        parts.push(part(exists("WebKitWebDriver"), &["webkit2gtk-driver"]));
        parts.push(part(exists("xvfb-run"), &["xvfb"]));
        parts.push(part(exists("xauth"), &["xauth"]));
    }
    parts
}

fn install_missing(parts: &[Part]) -> Result<()> {
    let missing = parts.iter().filter(|part| !part.is_there);
    let packages: Vec<&str> = missing.flat_map(|part| part.packages).copied().collect();
    install(&packages)
}

/// Installs Debian packages, or says how.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !exists("apt-get") {
        bail!("install what these Debian packages hold, and run this again: {list}");
    }
    if !is_root()? {
        bail!("run `sudo apt-get install --yes {list}`, and this again");
    }
    say(&format!("installing {list}"));
    run_quietly(command("apt-get").args(["--quiet", "update"]))?;
    let mut install = command("apt-get");
    install
        .args(["--quiet", "install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run_quietly(&mut install)?;
    Ok(())
}

pub(crate) fn is_root() -> Result<bool> {
    Ok(run_quietly(command("id").arg("-u"))?.trim() == "0")
}

/// macOS and Windows: what is missing is named, and left to the person.
fn elsewhere(needs: Needs) -> Result<()> {
    let build_tools = if cfg!(windows) {
        "the C++ build tools of Visual Studio, and WebView2"
    } else {
        "the command line tools of Xcode (`xcode-select --install`)"
    };
    let mut missing = Vec::new();
    if cfg!(target_os = "macos") && !exists("cc") {
        missing.push(build_tools);
    }
    if needs.engine && !engine::answers() {
        missing.push("Docker Desktop, started");
    }
    if needs.driven_window {
        missing.push(
            "a Linux machine: only there can tests drive the window (`--quick` does without)",
        );
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "install what is missing, and run this again: {}. Building needs {build_tools}, and Node.js {}",
        missing.join("; "),
        super::node::NEEDED
    );
}
