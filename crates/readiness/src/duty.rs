//! Duties that only one container may have: starting what is due by the clock, or holding what there
//! is once. A program that is known to have one has it whoever else asks it, and behind any port; a
//! name or a word only suggests it.

use super::words::{all, base, image, is_one_of, last, lines, parts, program, starts};
use teal_compose::{ComposeModel, ComposeService};
use teal_docker::ImageName;

/// Programs that start what is due.
const SCHEDULERS: &str = "atd chadburn cron crond cronicle dagster-daemon dkron fcron go-crond \
                          huey_consumer jobber ofelia periodiq run_huey runapscheduler supercronic \
                          yacron";

/// Whether it is known to start what is due, beside a server as well.
pub(super) fn is_known_scheduler(name: &str, service: &ComposeService) -> bool {
    let image = image(service);
    // Its tasks and its workers are one image.
    let is_task = image == "appwrite" && parts(name).iter().any(|part| part == "task");
    let is_image = is_one_of(SCHEDULERS, &image) || is_one_of("cron crond cronjob", &last(&image));
    is_celery_beat(service)
        || starts(SCHEDULERS, service)
        || all(service)
            .iter()
            .any(|word| word.starts_with("schedule:"))
        || is_image
        || is_task
        || is_main_n8n(service)
}

fn is_celery_beat(service: &ComposeService) -> bool {
    lines(service).iter().any(|line| {
        let is_beat = |word: &String| is_one_of("beat --beat", word) || word.starts_with("-B");
        line.iter().any(|word| base(word) == "celery") && line.iter().any(is_beat)
    })
}

/// Its triggers are its main process's, whatever takes the work or the calls from there.
fn is_main_n8n(service: &ComposeService) -> bool {
    let is_webhook = program(service).iter().any(|word| word == "webhook");
    image(service) == "n8n" && !is_webhook && !is_known_worker(service)
}

/// As the last part of what is run, or of a name.
const LAST: &str = "beat celerybeat clock clockwork cron crond cronjob cronjobs crons crontab \
                    rqscheduler schedule scheduler";

/// Whether a word of what it runs in the end says that it starts what is due.
pub(super) fn runs_scheduler(service: &ComposeService) -> bool {
    let is_one = |word: &String| {
        is_one_of(SCHEDULERS, word) || is_one_of(LAST, &last(word)) && !word.contains('@')
    };
    program(service).iter().any(is_one) && !is_known_worker(service)
}

/// Whether its name says that it starts what is due.
pub(super) fn is_named_scheduler(name: &str) -> bool {
    is_one_of(LAST, &last(name))
}

/// Whether its program is known to be one of which there may be one.
pub(super) fn is_known_singleton(service: &ComposeService) -> bool {
    const PROGRAMS: &str = "acme.sh act_runner autoheal borgmatic certbot cloudflare-ddns ddclient \
                            duckdns duplicati fetchmail getmail github-runner gitlab-runner inadyn \
                            ngrok restic spark-master";
    const COMMANDS: &str = "jobmanager org.apache.spark.deploy.master.master standalone-job \
                            start-master";
    let mode = service
        .environment
        .get("SPARK_MODE")
        .and_then(Option::as_ref);
    let is_spark_master = mode.is_some_and(|mode| mode.reveal() == "master");
    let is_run = |word: &String| is_one_of(PROGRAMS, word) || is_one_of(COMMANDS, word);
    is_one_of(PROGRAMS, &image(service)) || is_spark_master || program(service).iter().any(is_run)
}

/// Whether its name says that there may be one of it, and no other service asks it.
pub(super) fn is_named_singleton(
    name: &str,
    service: &ComposeService,
    model: &ComposeModel,
) -> bool {
    /// Front ends for those.
    const OTHERS: &str = "api app exporter frontend server service ui web";
    let is_about = |name: &str, topic: &str| {
        let parts = parts(name);
        let is_other = parts.last().is_some_and(|part| is_one_of(OTHERS, part));
        !is_other && parts.iter().any(|part| is_one_of(topic, part))
    };
    let names = [name, &image(service)];
    let is_named = names.iter().any(|name| {
        is_about(name, "backup backups ddns dyndns runner")
            || is_one_of("bot discordbot telegrambot", &last(name))
    });
    is_named && !model.is_called(name) && !is_behind_server(name, model)
}

/// Whether a web server waits for it: its settings, which nobody sees here, name it.
fn is_behind_server(name: &str, model: &ComposeModel) -> bool {
    let callers = model.callers(name);
    callers.iter().any(|caller| {
        let image = model.services[caller]
            .image
            .as_deref()
            .map(|image| ImageName::new(image).last());
        is_one_of(
            "caddy haproxy httpd nginx nginx-unprivileged openresty",
            image.unwrap_or_default(),
        )
    })
}

/// Programs that share out what is in a queue between any number of themselves.
pub(super) const WORKERS: &str =
    "celeryworker consumer consumers dramatiq horizon resque sidekiq worker workers";

pub(super) fn is_known_worker(service: &ComposeService) -> bool {
    let is_task = |word: &str| word.starts_with("queue:") || word.starts_with("worker-");
    let mut words = all(service).into_iter();
    program(service)
        .iter()
        .any(|word| is_one_of(WORKERS, &last(word)) || is_task(word))
        || words.any(|word| word == "celery") && all(service).iter().any(|word| word == "worker")
}
