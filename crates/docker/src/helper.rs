//! The helper program that Teal carries for each architecture, as an image on the engine.

use std::collections::HashMap;

use bollard::{
    Docker, body_full,
    errors::Error as BollardError,
    models::{HostConfig, HostConfigLogConfig},
    query_parameters::{ImportImageOptions, ListImagesOptions, RemoveImageOptions},
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Missing, is_status, patiently, teal_label::ROLE};

/// The role of a sidecar and its image.
pub const SIDECAR: &str = "sidecar";

const REPOSITORY: &str = "teal-sidecar";
const PROGRAM: &str = "teal-sidecar";
const USER: &str = "65534:65534";
/// The program itself needs less than a tenth; the runtime that starts it is bound as well, and takes
/// memory and threads by the processors of the machine.
const MEMORY: i64 = 64 * 1024 * 1024;
const PROCESSES: i64 = 64;

/// A sidecar program for one architecture.
struct Program {
    architecture: &'static str,
    digest: &'static str,
    bytes: &'static [u8],
}

static PROGRAMS: &[Program] = include!(concat!(env!("OUT_DIR"), "/sidecars.rs"));

/// Whether there is a program for this architecture, by Docker's name of it. A Teal carries those
/// that the toolchain could build it was built with.
pub fn runs_on(architecture: &str) -> bool {
    program_for(architecture).is_some()
}

/// The architectures of engines that this Teal has a sidecar for, by Docker's names of them. On
/// others it steers nothing.
#[must_use]
pub fn sidecar_architectures() -> Vec<&'static str> {
    PROGRAMS
        .iter()
        .map(|program| program.architecture)
        .collect()
}

fn program_for(architecture: &str) -> Option<&'static Program> {
    PROGRAMS
        .iter()
        .find(|program| program.architecture == architecture)
}

/// The image for the engine's architecture, imported where it is not there yet.
pub async fn ensure_image(docker: &Docker) -> Result<Option<String>, BollardError> {
    let version = patiently(|| docker.version()).await?;
    let architecture = version.arch.unwrap_or_default();
    let Some(program) = program_for(&architecture) else {
        return Ok(None);
    };
    let image = format!("{REPOSITORY}:{}", program.digest);
    match patiently(|| docker.inspect_image(&image)).await {
        Ok(_) => return Ok(Some(image)),
        Err(error) if is_status(&error, 404) => {}
        Err(error) => return Err(error),
    }
    let archive = archive(program, &image).map_err(|err| BollardError::IOError { err })?;
    docker
        .import_image(ImportImageOptions::default(), body_full(archive), None)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(Some(image))
}

/// The image in the form that `docker load` takes. It has no date, so it is the same whoever makes
/// it, and two that are loaded at once are one.
fn archive(program: &Program, image: &str) -> std::io::Result<Bytes> {
    let layer = tarball(&[(PROGRAM, 0o755, program.bytes)])?;
    let digest = Sha256::digest(&layer);
    let config = json!({
        "architecture": program.architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": [format!("/{PROGRAM}")],
            "User": USER,
            "Labels": { ROLE: SIDECAR },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest:x}")] },
    });
    let manifest = json!([{
        "Config": "config.json",
        "RepoTags": [image],
        "Layers": ["layer.tar"],
    }]);
    let archive = tarball(&[
        ("config.json", 0o644, config.to_string().as_bytes()),
        ("layer.tar", 0o644, &layer),
        ("manifest.json", 0o644, manifest.to_string().as_bytes()),
    ])?;
    Ok(archive.into())
}

pub fn tarball(files: &[(&str, u32, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        builder.append_data(&mut header, path, *content)?;
    }
    builder.into_inner()
}

/// Removes the image and those of other versions of Teal, unless a container still uses them.
pub async fn remove_image(docker: &Docker) -> Result<(), BollardError> {
    let label = format!("{ROLE}={SIDECAR}");
    let options = ListImagesOptions {
        filters: Some(HashMap::from([("label".to_owned(), vec![label])])),
        ..ListImagesOptions::default()
    };
    for image in patiently(|| docker.list_images(Some(options.clone()))).await? {
        let removed = docker
            .remove_image(&image.id, None::<RemoveImageOptions>, None)
            .await;
        match removed.missing() {
            Ok(_) => {}
            // A rollout of another process uses it.
            Err(error) if is_status(&error, 409) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the helper program may do in a network: nearly nothing.
pub fn confined(network_mode: String) -> HostConfig {
    HostConfig {
        network_mode: Some(network_mode),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        memory: Some(MEMORY),
        memory_swap: Some(MEMORY),
        pids_limit: Some(PROCESSES),
        // Its lines are read as they come and are of no use later.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".into()),
            config: None,
        }),
        ..HostConfig::default()
    }
}
