//! Whether two containers can run on the service's data.

use std::path::Path;

use super::{
    Facts,
    finding::{needs_force, refused, warning},
    stateful,
};
use crate::{
    compose::ComposeService,
    model::{Verdict, VerdictCode, Volume},
};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(proxy(facts));
    verdicts.extend(stateful_image(facts));
    verdicts.extend(shared_data(facts));
    verdicts.extend(shared_files(facts));
    verdicts.extend(image_volumes(facts));
    verdicts
}

fn proxy(facts: &Facts) -> Option<Verdict> {
    let image = facts.service.image.as_deref()?;
    if stateful::name(image) != "traefik" {
        return None;
    }
    Some(
        refused(
            VerdictCode::Proxy,
            format!("`{image}` routes the requests of other services"),
        )
        .means("nothing stands before it that could move its requests from Blue to Green")
        .remedy("change its limits with `teal update`, or in a quiet hour")
        .for_good(),
    )
}

fn stateful_image(facts: &Facts) -> Option<Verdict> {
    let image = facts.service.image.as_deref()?;
    let kind = stateful::kind(image)?;
    Some(
        needs_force(VerdictCode::Stateful, format!("`{image}` is a {kind}"))
            .means("Blue and Green would each have, or fight for, its data")
            .remedy("change its limits with `teal update`, or with a restart in a quiet hour; `--force` if two of it can run on the same data")
            .for_good(),
    )
}

fn shared_data(facts: &Facts) -> Option<Verdict> {
    let mut shared = sources(facts, Use::Data);
    let from = facts.service.volumes_from.iter();
    shared.extend(
        from.filter(|from| !from.ends_with(":ro"))
            .map(|from| format!("the volumes of `{from}`")),
    );
    if shared.is_empty() {
        return None;
    }
    Some(
        needs_force(
            VerdictCode::SharedVolume,
            format!("keeps data in {}", shared.join(", ")),
        )
        .means("Blue and Green would both write to it")
        .remedy("mount it read-only (`:ro`) if the service only reads it, or use `--force` if two containers may write to it")
        .for_good(),
    )
}

fn shared_files(facts: &Facts) -> Option<Verdict> {
    let shared = sources(facts, Use::Files);
    if shared.is_empty() {
        return None;
    }
    Some(
        warning(
            VerdictCode::SharedVolume,
            format!(
                "mounts {}, which look like sources, settings or a cache",
                shared.join(", ")
            ),
        )
        .means("Blue and Green share them: what changes there changes both")
        .remedy("mount them read-only (`:ro`) where the service only reads them"),
    )
}

fn image_volumes(facts: &Facts) -> Option<Verdict> {
    let volumes = facts.found?.image_volumes;
    let kept: Vec<_> = volumes
        .iter()
        .filter(|target| !is_cache(target))
        .map(|target| format!("`{target}`"))
        .collect();
    // Of a stateful image this is known without.
    if kept.is_empty() || facts.is_stateful() {
        return None;
    }
    Some(
        needs_force(
            VerdictCode::SharedVolume,
            format!(
                "keeps files in {}, a volume without a name",
                kept.join(", ")
            ),
        )
        .means("Green starts with an empty one, and Blue's goes with Blue")
        .remedy("give it a named volume if the files matter, or use `--force` if they don't")
        .for_good(),
    )
}

/// What a mount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Each container has its own, or it is only read.
    Own,
    /// Sources, settings, a cache: both sets may have it.
    Files,
    /// What the service has written and must keep.
    Data,
}

fn sources(facts: &Facts, wanted: Use) -> Vec<String> {
    let mounts = facts.service.mounts().into_iter();
    mounts
        .filter(|volume| use_of(volume, facts.service, facts.directory) == wanted)
        .map(|volume| {
            let source = volume.source.unwrap_or(volume.target);
            let short = Path::new(&source).strip_prefix(facts.directory);
            match short {
                Ok(inside) if inside.as_os_str().is_empty() => "`.`".to_owned(),
                Ok(inside) => format!("`./{}`", inside.display()),
                Err(_) => format!("`{source}`"),
            }
        })
        .collect()
}

fn use_of(volume: &Volume, service: &ComposeService, directory: &Path) -> Use {
    let Some(source) = &volume.source else {
        return Use::Own;
    };
    if volume.read_only || !matches!(volume.kind.as_str(), "volume" | "bind" | "cluster") {
        return Use::Own;
    }
    if is_engine_socket(source) || is_of_the_system(source) {
        return Use::Own;
    }
    if is_cache(&volume.target) {
        return Use::Files;
    }
    let source = Path::new(source);
    let is_of_the_project = volume.kind == "bind" && source.starts_with(directory);
    let is_source = service.build.as_ref().is_some_and(|build| {
        let context = &build.context;
        context.is_absolute() && (source.starts_with(context) || context.starts_with(source))
    });
    let is_read = is_settings(source, &volume.target) || is_web_root(&volume.target);
    if is_of_the_project && (is_source || is_read) {
        Use::Files
    } else {
        Use::Data
    }
}

/// The engine's socket holds no state of the service.
fn is_engine_socket(source: &str) -> bool {
    let file = source.rsplit(['/', '\\']).next().unwrap_or_default();
    [
        "docker.sock",
        "docker_engine",
        "podman.sock",
        "containerd.sock",
    ]
    .contains(&file)
}

/// What the host's system keeps, whoever looks at it.
fn is_of_the_system(source: &str) -> bool {
    let source = source.trim_end_matches('/');
    [
        "/etc/localtime",
        "/etc/timezone",
        "/lib/modules",
        "/usr/src",
    ]
    .contains(&source)
        || ["/dev", "/proc", "/sys"]
            .iter()
            .any(|root| Path::new(source).starts_with(root))
}

/// Folders that build tools and package managers fill, and fill again.
fn is_cache(target: &str) -> bool {
    const NAMES: [&str; 14] = [
        ".cache",
        ".cargo",
        ".gradle",
        ".m2",
        ".next",
        ".npm",
        ".nuget",
        ".pnpm-store",
        ".yarn",
        "__pycache__",
        "cache",
        "node_modules",
        "target",
        "tmp",
    ];
    let name = target.trim_end_matches('/').rsplit('/').next();
    name.is_some_and(|name| NAMES.contains(&name)) || target.starts_with("/tmp/")
}

/// A file or folder of settings, by its kind or by where it is mounted.
fn is_settings(source: &Path, target: &str) -> bool {
    const KINDS: [&str; 18] = [
        "cfg",
        "cnf",
        "conf",
        "config",
        "crt",
        "env",
        "html",
        "ini",
        "json",
        "key",
        "pem",
        "php",
        "properties",
        "sh",
        "sql",
        "toml",
        "yaml",
        "yml",
    ];
    let kind = source.extension().and_then(|kind| kind.to_str());
    kind.is_some_and(|kind| KINDS.contains(&kind)) || target.starts_with("/etc/")
}

/// Where web servers find the pages they deliver.
fn is_web_root(target: &str) -> bool {
    let target = target.trim_end_matches('/');
    ["/html", "/htdocs", "/public", "/static"]
        .iter()
        .any(|end| target.ends_with(end))
}
