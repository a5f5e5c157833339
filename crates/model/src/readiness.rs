//! Whether a service can be rolled out, what stands in the way, and what takes it away.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One reason that a service is not, or not fully, ready to be rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Verdict {
    pub level: Level,
    pub code: VerdictCode,
    /// What this alone makes of the service.
    #[serde(default)]
    pub readiness: Readiness,
    /// What is in the way: `publishes host port 8080`.
    pub reason: String,
    /// What that means for a rollout and for those who use the service.
    #[serde(default)]
    pub meaning: String,
    /// What to do about it.
    pub remedy: String,
    /// The change that takes it away, where Teal can make it; without one, the remedy is a
    /// person's to carry out.
    #[serde(default)]
    pub fix: Option<Fix>,
}

/// How ready a service is, the best first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS,
)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Readiness {
    /// It can be rolled out now.
    #[default]
    Ready,
    /// Once what is in the way has been taken away, by Teal where there is a [`Fix`].
    ReadyAfterFix,
    /// Two of it must not run at the same time: Blue/Green is not for it.
    NotForBlueGreen,
}

/// A change of the project that Teal can make, to be shown, applied and undone as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[ts(export)]
pub enum Fix {
    /// Gives the service a health check.
    AddHealthCheck,
    /// Removes `container_name`; callers still find the service by that name.
    RemoveContainerName { name: String },
    /// An edge takes these host ports over and routes them to the service.
    UseEdge { ports: Vec<HostPort> },
}

/// A fixed port of the host that leads to a port of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HostPort {
    /// The host's address that it is bound to; none for all of them.
    pub host_ip: Option<String>,
    pub published: u16,
    /// The container's port.
    pub target: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// How much a verdict stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum Level {
    /// The rollout goes on; a person should know.
    Warning,
    /// Refused unless `--force`.
    NeedsForce,
    /// Refused.
    Refused,
}

/// What a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum VerdictCode {
    /// There is no container, or it is paused.
    NotRunning,
    /// Blue has ended or keeps restarting: it is replaced, and there is nothing to drain.
    DeadBlue,
    /// Blue, or some of it, is not healthy: it is replaced, and gets no requests before.
    UnhealthyBlue,
    /// It routes the traffic of the others.
    Proxy,
    Stateful,
    SharedVolume,
    /// Its containers have files of their own, outside of volumes: they go with Blue.
    WritableLayer,
    NoHealthCheck,
    /// Its health check needs longer to turn healthy than a rollout waits.
    SlowHealthCheck,
    HostPort,
    /// Nothing can have the name of its image.
    BadImage,
    ContainerName,
    NetworkMode,
    RouteClash,
    NoRoute,
    Sticky,
    NoRoom,
    LimitBelowUse,
    LimitBelowReservation,
    LimitAboveEngine,
    /// The engine can't hold containers to such a limit.
    EngineCannotLimit,
    BadLimit,
    BadOption,
    ReplicasDiffer,
    /// Others call it by its name, past Traefik.
    Callers,
    /// Others are restarted or started by Compose as it changes.
    Dependants,
    /// It runs to its end, or people start it by hand.
    OneShot,
    /// It is a scheduler.
    Scheduler,
    /// There may be one of it at a time.
    Singleton,
    /// It is a host agent.
    HostAgent,
    /// It uses a device or a GPU of the machine.
    Device,
    GlobalMode,
    /// The running containers can't take the limits, or should not.
    NotLive,
    /// A rollout would change nothing.
    NothingToChange,
    /// What an earlier revision ran with is no longer, or not wholly, there.
    RevisionLost,
    /// Compose would do more than create Green.
    OtherChanges,
    /// The override can't be written.
    CannotWrite,
}

impl Fix {
    /// Whether it is the same kind of change.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Readiness {
    /// What a service's verdicts come to.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let each = verdicts.iter().map(|verdict| verdict.readiness);
        each.max().unwrap_or_default()
    }
}

impl Verdict {
    /// The rollout is refused until this is out of the way.
    pub fn refused(code: VerdictCode, reason: impl Into<String>) -> Self {
        Self::new(Level::Refused, Readiness::ReadyAfterFix, code, reason)
    }

    /// The rollout is refused unless somebody knows better.
    pub fn needs_force(code: VerdictCode, reason: impl Into<String>) -> Self {
        Self::new(Level::NeedsForce, Readiness::ReadyAfterFix, code, reason)
    }

    /// The rollout goes on.
    pub fn warning(code: VerdictCode, reason: impl Into<String>) -> Self {
        Self::new(Level::Warning, Readiness::Ready, code, reason)
    }

    fn new(
        level: Level,
        readiness: Readiness,
        code: VerdictCode,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            level,
            code,
            readiness,
            reason: reason.into(),
            meaning: String::new(),
            remedy: String::new(),
            fix: None,
        }
    }

    /// What follows from it.
    #[must_use]
    pub fn means(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = meaning.into();
        self
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// What Teal can do about it.
    #[must_use]
    pub fn fixed_by(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// It is about what was asked for, and says nothing about the service.
    #[must_use]
    pub fn about_the_request(mut self) -> Self {
        self.readiness = Readiness::Ready;
        self
    }

    /// It is the service's nature: nothing makes it ready.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.readiness = Readiness::NotForBlueGreen;
        self
    }
}
