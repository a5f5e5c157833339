//! The image of nginx: tests have it call a service by its name, as many projects do.

use std::{fs, os::unix::fs::symlink, path::Path};

use anyhow::{Context, Result, bail};

use super::image;
use crate::{
    process::{command, exists, run_quietly, tools},
    say,
};

const IMAGE: &str = "nginx:1.22";
/// What the program expects to be there.
const FOLDERS: [&str; 5] = ["etc", "run", "tmp", "var/lib/nginx", "var/log/nginx"];
const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUPS: &str = "root:x:0:\nnogroup:x:65534:\n";

pub(super) fn setup() -> Result<()> {
    let Err(reason) = image::is_there(IMAGE) else {
        return Ok(());
    };
    if !exists("apt-get") || !exists("dpkg-deb") {
        return Err(reason);
    }
    say(&format!(
        "no registry gives it; importing {IMAGE} from Debian's package"
    ));
    let folder = tools().join("nginx");
    if folder.exists() {
        // Of an attempt that did not come to its end.
        fs::remove_dir_all(&folder).context("can't clear an old download")?;
    }
    import(&folder).with_context(|| format!("can't import {IMAGE}"))?;
    fs::remove_dir_all(&folder).context("can't remove the unpacked packages")
}

/// The packages are unpacked and not installed: nginx would be started on this machine's port 80.
fn import(folder: &Path) -> Result<()> {
    let root = folder.join("root");
    fs::create_dir_all(&root)?;
    run_quietly(command("apt-get").args(["--quiet", "update"]))?;
    let program = unpack("nginx", folder)?;
    for library in libraries(&program)? {
        unpack(&library, folder)?;
    }
    for unwanted in ["usr/share", "etc"] {
        let unwanted = root.join(unwanted);
        if unwanted.exists() {
            fs::remove_dir_all(unwanted)?;
        }
    }
    for folder in FOLDERS {
        fs::create_dir_all(root.join(folder))?;
    }
    // Where packages hold all libraries below `usr`, these lead there.
    for link in ["lib", "lib64"] {
        let below_usr = format!("usr/{link}");
        if !root.join(link).exists() && root.join(&below_usr).exists() {
            symlink(below_usr, root.join(link))?;
        }
    }
    fs::write(root.join("etc/passwd"), USERS)?;
    fs::write(root.join("etc/group"), GROUPS)?;
    let changes = [
        r#"ENTRYPOINT ["/usr/sbin/nginx"]"#,
        r#"CMD ["-g", "daemon off;"]"#,
        "EXPOSE 80",
    ];
    image::import(&root, IMAGE, &changes.map(str::to_owned))
}

/// Downloads a package and unpacks it; says what it depends on.
fn unpack(package: &str, folder: &Path) -> Result<String> {
    let into = folder.join(package);
    fs::create_dir_all(&into)?;
    let mut download = command("apt-get");
    download
        .args(["--quiet", "download", package])
        .current_dir(&into);
    run_quietly(&mut download)?;
    let file = fs::read_dir(&into)?
        .next()
        .with_context(|| format!("apt-get downloaded nothing for {package}"))??
        .path();
    let root = folder.join("root");
    run_quietly(command("dpkg-deb").arg("--extract").arg(&file).arg(root))?;
    run_quietly(command("dpkg-deb").arg("--field").arg(&file).arg("Depends"))
}

/// The libraries among these dependencies: `libc6 (>= 2.34), iproute2, zlib1g (>= 1:1.1.4)`.
fn libraries(depends: &str) -> Result<Vec<String>> {
    let names = depends
        .split(',')
        .filter_map(|one| one.split_whitespace().next());
    let libraries: Vec<_> = names
        .filter(|name| name.starts_with("lib") || name.starts_with("zlib"))
        .map(str::to_owned)
        .collect();
    if libraries.is_empty() {
        bail!("nginx depends on no library: `{}`", depends.trim());
    }
    Ok(libraries)
}
