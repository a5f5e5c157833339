//! What can be typed: commands and options.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use teal_engine::model::{Place, ProbeOptions, ProjectSource, RolloutOptions};

use crate::duration;

const EXIT_CODES: &str = "\
Exit codes:
  0   success
  1   refused before anything changed
  2   failed and rolled back
  3   failed and not rolled back; says what is left and how to clean it up
  4   Green did not become healthy in time; rolled back
  5   aborted; rolled back
  6   another rollout of this service runs
  7   no Docker engine or no Compose, or too old
  64  wrong usage";

/// With the architectures of engines on which it can steer traffic.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let architectures = teal_engine::sidecar_architectures();
    let carried = match architectures.is_empty() {
        true => "none".to_owned(),
        false => architectures.join(", "),
    };
    format!("{}\nsidecars: {carried}", env!("CARGO_PKG_VERSION"))
});

/// Changes the CPU and memory limits of a Docker Compose service without a failed request.
#[derive(Debug, Parser)]
#[command(name = "teal", version, long_version = VERSION.as_str(), after_long_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options that every command takes, before or after its name, as Docker Compose names them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Project options")]
pub(crate) struct Global {
    /// Compose file, or the folder of one; may be given more than once
    #[arg(short, long = "file", value_name = "FILE", global = true)]
    files: Vec<PathBuf>,
    /// Name of the project
    #[arg(short, long, value_name = "NAME", global = true)]
    pub(crate) project_name: Option<String>,
    /// Directory that relative paths of the project start from
    #[arg(long, value_name = "DIR", global = true)]
    project_directory: Option<PathBuf>,
    /// File with values for the variables of the compose file; may be given more than once
    #[arg(long = "env-file", value_name = "FILE", global = true)]
    env_files: Vec<PathBuf>,
    /// Profile to enable; may be given more than once
    #[arg(long = "profile", value_name = "NAME", global = true)]
    profiles: Vec<String>,
    /// Print JSON: one object a line, or one array for a list; errors too, on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    pub(crate) fn source(&self) -> ProjectSource {
        ProjectSource {
            files: self.files.clone(),
            env_files: self.env_files.clone(),
            profiles: self.profiles.clone(),
            project_name: self.project_name.clone(),
            project_directory: self.project_directory.clone(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the window
    Open(Open),
    /// List the projects on this Docker engine
    Projects,
    /// List the services of a project, their limits and what stands in the way of a rollout
    Services,
    /// Say what stands in the way of a rollout, what it means and what to do about it
    #[command(
        after_long_help = "Ends with 0 where every service asked about is ready, else with 1."
    )]
    Doctor(Doctor),
    /// Roll a service out with new limits, or with what its files say now
    Deploy(Deploy),
    /// Change the limits of a service on its running containers, where that does
    #[command(
        long_about = "Change the limits of a service on its running containers.\n\nNo new container is made and no request moves. A limit can't be taken away so, memory can't go below what is in use, and what sizes itself at its start (a JVM, workers by CPU) does not notice: `teal deploy` is for that."
    )]
    Update(Update),
    /// Roll a service out with the limits of an earlier revision
    Rollback(Rollback),
    /// Finish a rollout that was cut off or left as it was, or return to Blue; list such rollouts
    Recover(Recover),
    /// Undo that a service was made ready behind Teal's edge: it gets its own host ports again
    #[command(
        after_long_help = "The files are put back byte for byte, and the service is recreated with its ports:\nrequests meet a gap. Later changes of the same files have to be undone first."
    )]
    GiveBack(GiveBack),
    /// List past rollouts: of the project here, else of all
    History(History),
    /// Take what is in the way of a service's rollouts out of its files
    Ready(Ready),
    /// Write a service's limits into its files, so that `docker compose up` leaves them in force
    Keep(Keep),
    /// Start or remove the sample project
    Sample(Sample),
    /// Print completions for a shell
    Completions { shell: Shell },
    /// Print the manual page, or write the pages of all commands to a folder
    Man { directory: Option<PathBuf> },
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Compose file, or the folder of one
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only this service
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Name of the service in the compose file
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) limits: LimitWords,
    /// Without new limits: take the compose files' also where Teal's override has others
    #[arg(long, conflicts_with_all = ["cpus", "memory"])]
    pub(crate) limits_from_file: bool,
    /// Replace the containers although nothing would change
    #[arg(long)]
    pub(crate) recreate: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

/// New limits as they were typed.
// Read by the command, not by clap: a bad limit is refused (1), not wrong usage (64).
#[derive(Debug, Args)]
pub(crate) struct LimitWords {
    /// CPUs the service may use, such as `1.5`; stays as it is where not given
    #[arg(long, value_name = "CPUS", allow_hyphen_values = true)]
    pub(crate) cpus: Option<String>,
    /// Memory the service may use, such as `768M`; stays as it is where not given
    #[arg(long, value_name = "MEMORY", allow_hyphen_values = true)]
    pub(crate) memory: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("limit").args(["cpus", "memory"]).required(true).multiple(true)))]
pub(crate) struct Update {
    /// Name of the service in the compose file
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) limits: LimitWords,
    /// Go on where new containers would be better
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) start: Start,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Name of the service in the compose file
    pub(crate) service: String,
    /// Revision to return to; the one before by default
    #[arg(long, value_name = "REVISION")]
    pub(crate) to: Option<u32>,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Name of the service in the compose file; lists all interrupted rollouts where not given
    pub(crate) service: Option<String>,
    /// Go on from the phase it was in, to Green
    #[arg(long, requires = "service", conflicts_with = "roll_back")]
    pub(crate) finish: bool,
    /// Return to Blue; the default while there is a Blue
    #[arg(long, requires = "service")]
    pub(crate) roll_back: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ready {
    /// Name of the service in the compose file
    pub(crate) service: String,
    /// Health check, instead of the one Teal finds: `http:8080/health` or `tcp:8080` to be asked
    /// by Teal, or a command for the container's shell
    #[arg(long, value_name = "CHECK")]
    pub(crate) health: Option<String>,
    /// Image of the edge that takes host ports over, instead of the official Traefik
    #[arg(long, value_name = "IMAGE")]
    pub(crate) edge_image: Option<String>,
    #[command(flatten)]
    pub(crate) files: FileOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Keep {
    /// Name of the service in the compose file
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) files: FileOptions,
}

/// How the project's own files are changed.
#[derive(Debug, Args)]
pub(crate) struct FileOptions {
    /// Print what would be changed; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Change the compose file itself, with a copy beside it, instead of the override that plain
    /// `docker compose up` reads
    #[arg(long)]
    pub(crate) in_file: bool,
    /// Write an override of its own beside the last compose file, such as `dev.teal.yml`, for a project
    /// whose files are named with `-f` or `COMPOSE_FILE`
    #[arg(long, conflicts_with = "in_file")]
    pub(crate) beside: bool,
    /// Put the files back to what they were before
    #[arg(long, conflicts_with_all = ["dry_run", "in_file", "beside"])]
    pub(crate) undo: bool,
}

impl FileOptions {
    pub(crate) fn place(&self) -> Place {
        match (self.in_file, self.beside) {
            (true, _) => Place::InFile,
            (false, true) => Place::Beside,
            (false, false) => Place::Override,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GiveBack {
    /// Name of the service in the compose file
    pub(crate) service: String,
}

/// How a rollout is done.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// How long Green may take to become healthy, such as `2m`
    ///
    /// Without it 120s, or as long as the health check itself may take to decide where that is longer,
    /// up to an hour.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    health_timeout: Option<Duration>,
    /// Time between two polls of Green's health
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive, default_value = "5s")]
    poll_interval: Duration,
    /// How long requests in flight on Blue may take to end
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "30s")]
    drain_timeout: Duration,
    /// Go on where the plan asks for it: with a stateful service, a scheduler, one without a health check …
    #[arg(long)]
    force: bool,
    /// Leave everything as it is after a failure
    #[arg(long)]
    no_rollback: bool,
    #[command(flatten)]
    pub(crate) start: Start,
    /// Good answers that Blue and Green each have to give
    #[arg(long, hide = true, default_value_t = RolloutOptions::default().answers)]
    answers: u32,
    #[command(flatten)]
    traffic: HowTraffic,
}

/// Whether a plan is only shown, or which one is started.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Print the plan with its id, and the commands; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Start only the plan with this id, as `--dry-run` printed it; where something else would be done
    /// by now, print that plan and end with 1
    #[arg(long, value_name = "ID", conflicts_with = "dry_run")]
    pub(crate) plan: Option<String>,
}

/// How traffic is moved and watched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic options")]
struct HowTraffic {
    /// Green's shares of the traffic in percent, such as `10,50,100`: each is verified before the next
    #[arg(
        long,
        value_name = "PERCENT",
        value_delimiter = ',',
        default_value = "50,100"
    )]
    steps: Vec<u8>,
    /// How much higher Green's error rate may be than Blue's, in percentage points
    #[arg(long, value_name = "PERCENT", default_value_t = RolloutOptions::default().max_error_percent)]
    max_error_rate: u8,
    /// How many times as slow as Blue Green may answer
    #[arg(long, value_name = "TIMES", default_value_t = RolloutOptions::default().max_slowdown)]
    max_slowdown: f64,
    /// Do not watch the rollout with requests of Teal's own
    #[arg(long)]
    no_probe: bool,
    /// Path that the live probe and Verify Traffic ask for
    ///
    /// By default the path of the service's HTTP health check, else the one that its router asks
    /// for, else `/`.
    #[arg(long, value_name = "PATH")]
    probe_path: Option<String>,
    /// Requests of the live probe each second
    #[arg(long, value_name = "NUMBER", default_value_t = ProbeOptions::default().per_second, conflicts_with = "no_probe")]
    probe_rate: u32,
    /// The only status that is a good answer
    ///
    /// By default every one below 400 is, and the one that Blue answers before the rollout.
    #[arg(long, value_name = "STATUS")]
    expect_status: Option<u16>,
}

impl How {
    pub(crate) fn options(&self) -> RolloutOptions {
        RolloutOptions {
            health_timeout_ms: self.health_timeout.map(duration::milliseconds),
            poll_interval_ms: duration::milliseconds(self.poll_interval),
            drain_timeout_ms: duration::milliseconds(self.drain_timeout),
            force: self.force,
            no_rollback: self.no_rollback,
            answers: self.answers,
            steps: self.traffic.steps.clone(),
            max_error_percent: self.traffic.max_error_rate,
            max_slowdown: self.traffic.max_slowdown,
            probe: ProbeOptions {
                enabled: !self.traffic.no_probe,
                path: self.traffic.probe_path.clone(),
                per_second: self.traffic.probe_rate,
                expect_status: self.traffic.expect_status,
            },
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Only of this service
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Sample {
    #[command(subcommand)]
    pub(crate) action: SampleAction,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum SampleAction {
    /// Start it: Traefik and a small web service
    Up,
    /// Remove it
    Down,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_the_specifications() {
        let cli = Cli::try_parse_from(["teal", "deploy", "web"]).unwrap();
        let Command::Deploy(deploy) = cli.command else {
            panic!("not a deploy")
        };
        assert_eq!(deploy.how.options(), RolloutOptions::default());
    }

    #[test]
    fn project_options_are_read_before_and_after_the_command() {
        for words in [
            "teal -f a.yml -f b.yml -p shop services",
            "teal services -f a.yml -f b.yml -p shop",
        ] {
            let cli = Cli::try_parse_from(words.split(' ')).unwrap();
            let source = cli.global.source();
            assert_eq!(source.files, ["a.yml", "b.yml"].map(PathBuf::from));
            assert_eq!(source.project_name.as_deref(), Some("shop"));
        }
    }

    #[test]
    fn durations_are_read_as_compose_writes_them() {
        let words =
            "teal deploy web --health-timeout 2m --poll-interval 500ms --drain-timeout 1m30s";
        let cli = Cli::try_parse_from(words.split(' ')).unwrap();
        let Command::Deploy(deploy) = cli.command else {
            panic!("not a deploy")
        };
        let options = deploy.how.options();
        // Typed out it is somebody's word, and no default.
        assert_eq!(options.health_timeout_ms, Some(120_000));
        assert_eq!(options.poll_interval_ms, 500);
        assert_eq!(options.drain_timeout_ms, 90_000);
    }

    #[test]
    fn shares_and_the_probe_are_read() {
        let words = "teal deploy web --steps 10,50,100 --max-error-rate 2 --max-slowdown 1.5 \
                     --probe-path /ready --probe-rate 25 --expect-status 204";
        let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
        let Command::Deploy(deploy) = cli.command else {
            panic!("not a deploy")
        };
        let options = deploy.how.options();
        assert_eq!(options.steps, [10, 50, 100]);
        assert_eq!(options.max_error_percent, 2);
        assert!((options.max_slowdown - 1.5).abs() < f64::EPSILON);
        assert_eq!(
            options.probe,
            ProbeOptions {
                enabled: true,
                path: Some("/ready".into()),
                per_second: 25,
                expect_status: Some(204),
            }
        );
        let quiet = Cli::try_parse_from(["teal", "rollback", "web", "--no-probe"]).unwrap();
        let Command::Rollback(rollback) = quiet.command else {
            panic!("not a rollback")
        };
        assert!(!rollback.how.options().probe.enabled);
        let both = ["teal", "deploy", "web", "--no-probe", "--probe-rate", "5"];
        assert!(Cli::try_parse_from(both).is_err());
    }

    #[test]
    fn a_negative_limit_reaches_the_engines_judgement() {
        let cli = Cli::try_parse_from(["teal", "deploy", "web", "--cpus", "-1"]).unwrap();
        let Command::Deploy(deploy) = cli.command else {
            panic!("not a deploy")
        };
        assert_eq!(deploy.limits.cpus.as_deref(), Some("-1"));
    }
}
