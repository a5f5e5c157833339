//! Why a phase failed, and the evidence a person needs: log lines, probe output, exit code.

use std::borrow::Cow;

use bollard::Docker;

use teal_docker::{inspect, last_log, probe_output};
use teal_model::Error;
use teal_model::error::causes;
use teal_model::event::{Failure, FailureCode, Outcome};

/// Green's log lines that are shown with a failure.
const LOG_LINES: u32 = 20;

/// A phase that failed, before the evidence is gathered.
#[derive(Debug)]
pub struct Trouble {
    kind: FailureKind,
    message: String,
    /// Instead of what is said of all failures of this kind.
    hint: Option<Cow<'static, str>>,
    container: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// Found out by trying, before anything was changed.
    Refused,
    Aborted,
    /// The lock was lost, so that others may settle the rollout: hands off.
    TakenOver,
    ScaleUp,
    HealthTimeout,
    Unhealthy,
    Exited,
    OutOfMemory,
    Gone,
    Traffic,
    /// Somebody would go on calling Blue when it is gone.
    StillCalled,
    ScaleDown,
    Verification,
    /// Something of the engine or the disk failed on the way.
    Engine,
}

impl Trouble {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            container: None,
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn of_container(mut self, id: &str) -> Self {
        self.container = (!id.is_empty()).then(|| id.to_owned());
        self
    }

    /// An error of the engine counts as what it kept the rollout from.
    pub(super) fn or_of_kind(mut self, kind: FailureKind) -> Self {
        if self.kind == FailureKind::Engine {
            self.kind = kind;
        }
        self
    }

    /// How the rollout ends once this has been rolled back.
    pub(super) fn outcome(&self) -> Outcome {
        match self.kind {
            FailureKind::Refused => Outcome::Refused,
            FailureKind::Aborted => Outcome::Aborted,
            FailureKind::TakenOver => Outcome::NotRolledBack,
            FailureKind::HealthTimeout => Outcome::HealthTimeout,
            _ => Outcome::RolledBack,
        }
    }

    /// Adds what the engine knows about the container. Evidence that can't be had is left out:
    /// it must not stand in the way of the rollback.
    pub(super) async fn with_evidence(self, docker: &Docker) -> Failure {
        let mut failure = Failure {
            code: self.kind.code(),
            hint: self
                .hint
                .map_or_else(|| self.kind.hint().to_owned(), Cow::into_owned),
            message: self.message,
            container: self.container,
            exit_code: None,
            out_of_memory: self.kind == FailureKind::OutOfMemory,
            probe_output: None,
            log: Vec::new(),
        };
        let Some(id) = failure.container.clone() else {
            return failure;
        };
        match inspect(docker, &id).await {
            Ok(Some(container)) => {
                failure.probe_output = probe_output(&container);
                if let Some(state) = &container.state {
                    failure.out_of_memory |= state.oom_killed == Some(true);
                    failure.exit_code = state.exit_code.filter(|_| state.running != Some(true));
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "no evidence of the failed container"),
        }
        match last_log(docker, &id, LOG_LINES).await {
            Ok(log) => failure.log = log,
            Err(error) => tracing::warn!(%error, "no log of the failed container"),
        }
        failure
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::new(FailureKind::Engine, chain(&error))
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    words.extend(causes(error));
    words.join(": ")
}

impl FailureKind {
    fn code(self) -> FailureCode {
        match self {
            Self::Refused => FailureCode::Refused,
            Self::Aborted => FailureCode::Aborted,
            Self::TakenOver => FailureCode::Interrupted,
            Self::ScaleUp => FailureCode::ScaleUp,
            Self::HealthTimeout => FailureCode::HealthTimeout,
            Self::Unhealthy => FailureCode::Unhealthy,
            Self::Exited | Self::Gone => FailureCode::Exited,
            Self::OutOfMemory => FailureCode::OutOfMemory,
            Self::Traffic => FailureCode::Traffic,
            Self::StillCalled => FailureCode::StillCalled,
            Self::ScaleDown => FailureCode::ScaleDown,
            Self::Verification => FailureCode::Verification,
            Self::Engine => FailureCode::Engine,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Refused => "mend what the message names, then deploy again",
            Self::Aborted => "deploy again when you are ready",
            Self::TakenOver => "see what has become of it with `teal recover` and `teal history`",
            Self::ScaleUp => "mend what Compose names, then deploy again",
            Self::HealthTimeout => {
                "look at the probe's output and Green's log; a slow start needs a longer `--health-timeout`"
            }
            Self::Unhealthy => "look at the probe's output and the container's log",
            Self::Exited => "look at the container's last log lines",
            Self::OutOfMemory => "deploy again with more memory",
            Self::Gone => "find out who removed the container, then deploy again",
            Self::Traffic => "look at Traefik's log and at the service's routes",
            Self::StillCalled => {
                "have the caller look the service's name up again, then deploy again"
            }
            Self::ScaleDown => "look at Blue: `docker ps -a`, then deploy again",
            Self::Verification => "look at the message above, then deploy again",
            Self::Engine => "check that the Docker engine runs and has room, then deploy again",
        }
    }
}
