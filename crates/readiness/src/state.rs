//! Whether two containers can run on the service's data.

use std::path::Path;

use super::{
    Facts,
    mounts::{Use, is_cache, sharers, use_of},
    proxy,
    role::Role,
    running, stateful,
};
use teal_model::{Verdict, VerdictCode, Volume, list};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(proxy::verdict(facts));
    verdicts.extend(stateful_image(facts));
    verdicts.extend(shared_data(facts));
    verdicts.extend(unnamed_volumes(facts));
    verdicts.extend(made_to_be_shared(facts));
    verdicts.extend(uploads(facts));
    verdicts.extend(shared_files(facts));
    verdicts
}

fn stateful_image(facts: &Facts) -> Option<Verdict> {
    // Its jobs run on the same image.
    if running::is_job(facts) || facts.role() == Some(Role::Job) {
        return None;
    }
    let reason = stateful::of(facts.name, facts.service)?;
    Some(
        Verdict::needs_force(VerdictCode::Stateful, reason)
            .means("Blue and Green would have separate or corrupted data")
            .remedy("change its limits with `teal update` or in a maintenance window, or use `--force` if two instances can run on the same data")
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
        Verdict::needs_force(
            VerdictCode::SharedVolume,
            format!("keeps data in {}", shared.join(", ")),
        )
        .means("Blue and Green would both write to it")
        .remedy("mount it read-only (`:ro`) if the service only reads it, or use `--force` if two containers can safely write to it")
        .for_good(),
    )
}

/// Volumes without a name, whether the file asks for them or the image alone.
fn unnamed_volumes(facts: &Facts) -> Option<Verdict> {
    let of_the_file = mounts(facts, Use::Unnamed).map(|volume| volume.target);
    let of_the_image = facts.found.map_or(&[][..], |found| found.image_volumes);
    let of_the_image = of_the_image.iter().filter(|target| !is_cache(target));
    let mut kept: Vec<String> = of_the_file.chain(of_the_image.cloned()).collect();
    kept.sort_unstable();
    kept.dedup();
    // Of a stateful image this is known without.
    if kept.is_empty() || facts.is_stateful() {
        return None;
    }
    Some(
        Verdict::needs_force(
            VerdictCode::SharedVolume,
            format!("keeps files in {}, an anonymous volume", list(&kept)),
        )
        .means("Green starts with an empty one; Blue's stays on the engine, unused")
        .remedy("give it a named volume if the files matter, or use `--force` if they don't")
        .for_good(),
    )
}

fn made_to_be_shared(facts: &Facts) -> Option<Verdict> {
    let shared: Vec<Volume> = mounts(facts, Use::Shared).collect();
    if shared.is_empty() {
        return None;
    }
    let mut others: Vec<&str> = shared
        .iter()
        .flat_map(|volume| sharers(volume, facts))
        .collect();
    others.sort_unstable();
    others.dedup();
    let by_whom = match others.len() {
        0 => "its replicas share".to_owned(),
        1 => format!("{} writes to as well", list(&others)),
        _ => format!("{} write to as well", list(&others)),
    };
    let names: Vec<_> = shared.iter().map(|volume| shown(volume, facts)).collect();
    Some(
        Verdict::warning(
            VerdictCode::SharedVolume,
            format!("keeps data in {}, which {by_whom}", names.join(", ")),
        )
        .means("Blue and Green both write to it, as the files let several containers do")
        .remedy("mount it read-only (`:ro`) if the service only reads it"),
    )
}

fn uploads(facts: &Facts) -> Option<Verdict> {
    let uploads = sources(facts, Use::Uploads);
    if uploads.is_empty() {
        return None;
    }
    Some(
        Verdict::warning(
            VerdictCode::SharedVolume,
            format!(
                "keeps uploads in {}, and what it knows of them in a database",
                uploads.join(", ")
            ),
        )
        .means("Blue and Green both write files there, each under names of its own")
        .remedy("roll out in a maintenance window if the program is known to run only once"),
    )
}

fn shared_files(facts: &Facts) -> Option<Verdict> {
    let shared = sources(facts, Use::Files);
    if shared.is_empty() {
        return None;
    }
    Some(
        Verdict::warning(
            VerdictCode::SharedVolume,
            format!(
                "mounts {}, which look like sources, settings, logs or a cache",
                shared.join(", ")
            ),
        )
        .means("Blue and Green share them: what changes there changes both")
        .remedy("mount them read-only (`:ro`) where the service only reads them"),
    )
}

fn sources(facts: &Facts, wanted: Use) -> Vec<String> {
    mounts(facts, wanted)
        .map(|volume| shown(&volume, facts))
        .collect()
}

fn mounts(facts: &Facts, wanted: Use) -> impl Iterator<Item = Volume> {
    let mounts = facts.service.mounts().into_iter();
    mounts.filter(move |volume| use_of(volume, facts) == wanted)
}

/// A mount by its source, short where that is in the project's folder.
fn shown(volume: &Volume, facts: &Facts) -> String {
    let source = volume.source.as_ref().unwrap_or(&volume.target);
    match Path::new(source).strip_prefix(facts.directory) {
        Ok(inside) if inside.as_os_str().is_empty() => "`.`".to_owned(),
        Ok(inside) => format!("`./{}`", inside.display()),
        Err(_) => format!("`{source}`"),
    }
}
