//! What a mount is for: whether two sets of containers may have it at the same time.
//!
//! Only what plainly is something else counts as anything but data: a false alarm costs a `--force`
//! or a `:ro`, the other mistake costs what people wrote.

use std::path::Path;

use super::Facts;
use crate::{
    role::{self, Role, is_whole_of_the_host},
    stateful,
    words::{is_one_of, parts},
};
use teal_compose::{Build, ComposeModel, ComposeService};
use teal_docker::ImageName;
use teal_model::Volume;

/// What a mount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Each container has its own, or it is only read.
    Own,
    /// Sources, settings, logs, a cache: both sets may have it.
    Files,
    /// Data that the files themselves let several containers write.
    Shared,
    /// Files that people have sent, of a program that keeps what it knows of them in a database.
    Uploads,
    /// A volume without a name: each container gets a new one.
    Unnamed,
    /// What the service has written and must keep.
    Data,
}

/// What the service uses a mount for.
pub(super) fn use_of(volume: &Volume, facts: &Facts) -> Use {
    if volume.read_only || !matches!(volume.kind.as_str(), "volume" | "bind" | "cluster") {
        return Use::Own;
    }
    let Some(source) = &volume.source else {
        return match is_cache(&volume.target) {
            true => Use::Own,
            false => Use::Unnamed,
        };
    };
    if is_engine_socket(source) || is_of_the_system(source) || is_whole_of_the_host(source) {
        return Use::Own;
    }
    if is_cache(&volume.target) || is_log(&volume.target) {
        return Use::Files;
    }
    let is_plain = volume.kind == "bind" && is_plainly_no_data(source, &volume.target, facts);
    match is_plain {
        true => Use::Files,
        false if is_made_to_be_shared(volume, facts) => Use::Shared,
        false if are_uploads(volume, facts) => Use::Uploads,
        false => Use::Data,
    }
}

/// Folders that build tools and package managers fill, and fill again.
pub fn is_cache(target: &str) -> bool {
    /// Nobody else calls a folder like that.
    const ANYWHERE: &str = ".cache .cargo .gradle .m2 .next .npm .nuget .pnpm-store .yarn \
                            __pycache__ node_modules";
    /// As the last part of a path: others are below something of that name.
    const LAST: &str = "cache target tmp";
    const BELOW: [&str; 3] = ["/tmp", "/var/cache", "/var/tmp"];

    let target = Path::new(target);
    target
        .iter()
        .any(|part| part.to_str().is_some_and(|part| is_one_of(ANYWHERE, part)))
        || is_one_of(LAST, last(target))
        || BELOW.iter().any(|folder| target.starts_with(folder))
}

/// Logs: two programs that write them get in each other's way, and nothing else is lost.
pub(super) fn is_log(path: &str) -> bool {
    let path = Path::new(path);
    path.starts_with("/var/log")
        || is_one_of("log logs", last(path))
        || kind_of(path).is_some_and(|kind| kind == "log")
}

/// Sources and settings that somebody has put beside the project, not what the service writes.
fn is_plainly_no_data(source: &str, target: &str, facts: &Facts) -> bool {
    let (source, target) = (Path::new(source), Path::new(target));
    if is_settings_file(source) {
        return true;
    }
    if is_served_only(facts.service, target) {
        return true;
    }
    if is_place_of_data(target) {
        return false;
    }
    if is_log(&source.to_string_lossy()) {
        return true;
    }
    if is_whole_source(source, facts) {
        return facts.service.build.is_some() || !is_place_of_a_program(target);
    }
    is_place_of_settings(target)
        || (is_of_the_project(source, facts) && is_source_folder(source, target, facts.service))
}

/// All that a service is built from, or the whole project: mounted to develop it.
fn is_whole_source(source: &Path, facts: &Facts) -> bool {
    let is_around =
        |build: &Build| source.starts_with(facts.directory) && build.context.starts_with(source);
    source == facts.directory
        || builds(facts.model)
            .any(|build| build.context == source || build.folder_of_dockerfile() == source)
        || facts.service.build.as_ref().is_some_and(is_around)
}

fn is_of_the_project(source: &Path, facts: &Facts) -> bool {
    source.starts_with(facts.directory)
        || builds(facts.model).any(|build| source.starts_with(&build.context))
}

/// Those from a folder of this machine.
fn builds(model: &ComposeModel) -> impl Iterator<Item = &Build> {
    let builds = model.services.values().filter_map(|it| it.build.as_ref());
    builds.filter(|build| build.context.is_absolute())
}

/// A folder with a name that people give to what they write themselves.
fn is_source_folder(source: &Path, target: &Path, service: &ComposeService) -> bool {
    const ALWAYS: &str = "code source sources src";
    const USUALLY: &str =
        "bin healthchecks hooks lib libs migrations scripts spec templates test tests views";
    /// Other people's programs keep their state in folders of these names.
    const OF_OWN_PROGRAMS: &str = "api app apps backend client cmd components conf config docs \
                                   frontend internal layouts middleware models packages pages \
                                   pkg plugins server services settings site theme themes web";
    let name = last(source);
    if is_one_of(ALWAYS, name) {
        return !target.starts_with("/etc");
    }
    if is_place_of_a_program(target) {
        return false;
    }
    is_one_of(USUALLY, name) || (service.build.is_some() && is_one_of(OF_OWN_PROGRAMS, name))
}

/// A single file of settings or of a program's text, wherever it lies.
pub(super) fn is_settings_file(source: &Path) -> bool {
    const KINDS: &str = "awk cfg cjs cnf conf config css crt env go hcl html ini j2 jinja js jsx \
                         key lua mjs pem php pl properties ps1 py rb rs sass scss sh sql svelte \
                         tf tmpl toml tpl ts tsx vcl vue xml xsl yaml yml";
    const NAMES: &str = "caddyfile dockerfile gemfile makefile pipfile procfile rakefile \
                         requirements.txt";
    /// Other files of this kind are where small programs keep all they know.
    const JSON: &str = "angular appsettings babel composer config deno jsconfig launchsettings \
                        lerna manifest nodemon nx package package-lock renovate settings tsconfig \
                        tslint turbo vercel";

    let name = last(source).to_lowercase();
    if name == ".env" || name.starts_with(".env.") || is_one_of(NAMES, &name) {
        return true;
    }
    match kind_of(source).as_deref() {
        Some("json") => {
            let stem = name.trim_end_matches(".json");
            let mut words = stem.split('.');
            is_one_of(JSON, stem)
                || words
                    .clone()
                    .next()
                    .is_some_and(|word| is_one_of(JSON, word))
                || words.next_back().is_some_and(|word| is_one_of(JSON, word))
                || stem.ends_with("rc")
                || stem.ends_with("-config")
        }
        Some(kind) => is_one_of(KINDS, kind),
        None => false,
    }
}

/// Where servers of files find the pages that others have made; they never write there.
fn is_served_only(service: &ComposeService, target: &Path) -> bool {
    const ROOTS: [(&str, &str); 2] = [
        ("nginx", "/usr/share/nginx/html"),
        ("httpd", "/usr/local/apache2/htdocs"),
    ];
    let image = service
        .image
        .as_deref()
        .map(|image| ImageName::new(image).last());
    ROOTS
        .iter()
        .any(|(name, root)| image == Some(name) && target.starts_with(root))
}

/// Where programs keep what they were given, by the name of the place.
fn is_place_of_data(target: &Path) -> bool {
    const NAMES: &str = "attachments avatars backup backups data database databases db documents \
                         downloads dump dumps files home images index library mail media \
                         persistence persistent photos recordings repos repositories session \
                         sessions spool state storage store upload uploads vault volume volumes";
    const BELOW: [&str; 4] = ["/var/lib", "/var/mail", "/var/opt", "/var/spool"];
    let name = last(target).to_lowercase();
    let mut words = name.rsplit(['-', '_', '.']);
    words.next().is_some_and(|word| is_one_of(NAMES, word))
        || BELOW.iter().any(|folder| target.starts_with(folder))
}

/// Where a published program has all that is its own, settings and data alike.
fn is_place_of_a_program(target: &Path) -> bool {
    let is_web_root = is_one_of(
        "htdocs html public public_html static webroot www",
        last(target),
    );
    let is_own_settings = target == Path::new("/config") || target.starts_with("/etc");
    is_web_root || is_own_settings
}

/// A folder with nothing but settings in it: below a program's own in `/etc`, or one of the kind of
/// `conf.d`.
fn is_place_of_settings(target: &Path) -> bool {
    const NAMES: &str = "config dashboards datasources provisioning rules sites-available \
                         sites-enabled snippets templates";
    let is_like_conf_d = |part: &Path| kind_of(part).is_some_and(|kind| kind == "d");
    if !target.starts_with("/etc") {
        return is_like_conf_d(target);
    }
    let mut below = target.iter().skip(3).filter_map(|part| part.to_str());
    below.any(|part| is_one_of(NAMES, part) || is_like_conf_d(Path::new(part)))
}

/// Whether the files themselves let several containers of this program write to it: several services
/// of the same program, or several replicas. One that looks after another's data, such as a backup,
/// is another program.
fn is_made_to_be_shared(volume: &Volume, facts: &Facts) -> bool {
    is_replicated(facts.service) || !sharers(volume, facts).is_empty()
}

fn is_replicated(service: &ComposeService) -> bool {
    service.replicas() > 1 || service.special_mode() == Some("global")
}

/// Whether a folder holds what people have sent, and a database of the project what is known of it.
fn are_uploads(volume: &Volume, facts: &Facts) -> bool {
    const FOLDERS: &str = "attachments avatars media mediafiles staticfiles upload uploads";
    /// Programs of which several are known to run on one folder, whatever it is called.
    const PROGRAMS: &str = "gztime/gzctf immich-app/immich-server outlinewiki/outline";
    let image = facts
        .service
        .image
        .as_deref()
        .map(|image| ImageName::new(image).repository);
    let image = image.unwrap_or_default();
    let is_known = PROGRAMS
        .split_whitespace()
        .any(|program| image == program || image.ends_with(&format!("/{program}")));
    let is_folder = is_one_of(FOLDERS, last(Path::new(&volume.target)));
    (is_known || is_folder) && has_database(facts)
}

/// Whether it asks a database of the project.
fn has_database(facts: &Facts) -> bool {
    let services = facts.model.services.iter();
    let databases = services.filter(|(name, other)| {
        let image = other.image.as_deref().unwrap_or_default();
        *name != facts.name
            && other.may_run_beside(facts.service)
            && stateful::is_database(image, name)
    });
    databases.into_iter().any(|(name, _)| {
        let callers = facts.model.callers(name);
        callers.iter().any(|caller| caller == facts.name)
    })
}

/// The other services of the same program that mount the same and may write to it.
pub(super) fn sharers<'a>(volume: &Volume, facts: &Facts<'a>) -> Vec<&'a str> {
    let others = facts.model.services.iter();
    others
        .filter(|(name, other)| {
            *name != facts.name
                && other.may_run_beside(facts.service)
                && is_same_program(facts.service, other)
                && matches!(
                    role::of(name, other, facts.model),
                    None | Some(Role::Worker)
                )
                && facts.model.waits_for_end_of(name).is_empty()
                && other.mounts().iter().any(|mount| {
                    mount.kind == volume.kind && mount.source == volume.source && !mount.read_only
                })
        })
        .map(|(name, _)| name.as_str())
        .collect()
}

fn is_same_program(one: &ComposeService, other: &ComposeService) -> bool {
    let repository = |service: &ComposeService| {
        let image = service.image.as_deref()?;
        Some(ImageName::new(image).repository.to_owned())
    };
    let is_of_one_image = repository(one).is_some() && repository(one) == repository(other);
    is_of_one_image
        || are_parts_of_one_program(one, other)
        || (one.build.is_some() && one.build == other.build)
}

/// Whether one maker publishes both as parts of one program: `penpotapp/backend` and
/// `penpotapp/frontend`, but not `acme/ledger` and `acme/ledger-viewer`.
fn are_parts_of_one_program(one: &ComposeService, other: &ComposeService) -> bool {
    let maker = |service: &ComposeService| {
        let repository = ImageName::new(service.image.as_deref()?).repository;
        let (maker, image) = repository.rsplit_once('/')?;
        // Who has published so much tells nothing of a program.
        let is_telling = !is_one_of(COLLECTIONS, maker.rsplit('/').next().unwrap_or(maker));
        let is_part = parts(image).iter().all(|part| is_one_of(PARTS, part));
        let is_part = is_part || super::duty::is_known_worker(service);
        (is_telling && is_part).then(|| maker.to_owned())
    };
    maker(one).is_some() && maker(one) == maker(other)
}

/// What makers call the parts of a program of theirs.
const PARTS: &str = "api app backend consumer frontend server ui web worker workers";

/// Who publishes all kinds of programs of others.
const COLLECTIONS: &str = "bitnami bitnamilegacy chainguard hotio library linuxserver rapidfort";

/// The engine's socket holds no state of the service.
fn is_engine_socket(source: &str) -> bool {
    let file = source.rsplit(['/', '\\']).next().unwrap_or_default();
    is_one_of(
        "docker.sock docker_engine podman.sock containerd.sock",
        file,
    )
}

/// What the host's system keeps, whoever looks at it.
fn is_of_the_system(source: &str) -> bool {
    let source = source.trim_end_matches('/');
    is_one_of(
        "/etc/localtime /etc/timezone /lib/modules /run /usr/src /var/run",
        source,
    ) || ["/dev", "/proc", "/sys"]
        .iter()
        .any(|root| Path::new(source).starts_with(root))
}

fn last(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

/// What a file's name ends in, in small letters.
fn kind_of(path: &Path) -> Option<String> {
    let kind = path.extension().and_then(|kind| kind.to_str());
    kind.map(str::to_lowercase)
}
