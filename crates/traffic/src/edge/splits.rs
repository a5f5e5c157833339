//! The other way to steer: splits in the file configuration of Teal's edge.

use std::time::Duration;

use bollard::{
    Docker,
    exec::{StartExecOptions, StartExecResults},
    models::ExecConfig,
};
use futures_util::TryStreamExt;
use tokio::time::{Instant, sleep};

use super::{
    PING_ENTRY, PING_PORT, files,
    fronting::{Fronting, NAME, entries_for, find},
    routes::{Generation, ping_address},
};
use crate::{
    confirm::{NotYet, answers},
    error::TrafficError,
    generations::Presence,
    pins::{Pin, probe_value},
    split::Split,
    steer::secret,
    survey::Door,
};
use teal_model::event::Color;

/// How long the edge may take to serve a split. It looks at its files as they change.
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(15);
const WRITE: &str = "write the routes of Teal's edge";
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The splits of a rollout. Each comes above the one before, which goes once the new one is served.
#[derive(Debug)]
pub(crate) struct Splits {
    pub(crate) fronting: Fronting,
    pins: Vec<Pin>,
}

impl Splits {
    pub(crate) fn new(fronting: Fronting) -> Self {
        Self {
            fronting,
            pins: Vec::new(),
        }
    }

    /// A further split that leads to exactly these containers. If it is wanted and the edge does not
    /// serve it in time, the one before is in force again. Says whether it is known to be served.
    pub(crate) async fn shift(
        &mut self,
        docker: &Docker,
        presence: Presence,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<bool, TrafficError> {
        let before = self.pins.clone();
        let written = match self.write(docker, split, blue, green).await {
            // What starts later is led to Blue by its name.
            Err(TrafficError::NoEdge) if presence == Presence::Optional => return Ok(true),
            written => written?,
        };
        if let Err(error) = self.until_served(docker, &written).await {
            if presence == Presence::Optional {
                tracing::warn!(%error, "the edge does not confirm the way back");
                return Ok(false);
            }
            self.pins = before;
            files::blank(docker, &written.edge, &[written.number])
                .await
                .map_err(TrafficError::engine(WRITE))?;
            return Err(error);
        }
        // Not later, together with this one: the edge reads file after file, and may see an old one
        // of them that leads to containers that are gone.
        files::blank(docker, &written.edge, &written.below)
            .await
            .map_err(TrafficError::engine(WRITE))?;
        tracing::info!(number = written.number, ?split, "the edge serves the split");
        Ok(true)
    }

    /// Puts a split into the edge, above those that are there.
    pub(super) async fn write(
        &mut self,
        docker: &Docker,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<Written, TrafficError> {
        let edge = self.edge(docker).await?;
        let before = files::generations(docker, &edge)
            .await
            .map_err(TrafficError::engine("read the routes of Teal's edge"))?;
        let pin = |color| {
            move |container: &String| Pin {
                container: container.clone(),
                color,
                secret: secret(),
            }
        };
        let blue = blue.iter().map(pin(Color::Blue));
        self.pins = blue.chain(green.iter().map(pin(Color::Green))).collect();
        let written = Written {
            edge,
            number: before.last().unwrap_or(&0) + 1,
            below: before,
            proof: secret(),
        };
        let generation = Generation {
            number: written.number,
            entries: &self.fronting.entries,
            split,
            pins: &self.pins,
            secret: &written.proof,
        };
        files::put_generation(docker, &written.edge, written.number, &generation.text())
            .await
            .map_err(TrafficError::engine(WRITE))?;
        Ok(written)
    }

    /// Waits until the edge serves this split: an answer that only this one can give came back, by
    /// the way that requests take where it can be reached from here, else from within the edge.
    pub(super) async fn until_served(
        &self,
        docker: &Docker,
        written: &Written,
    ) -> Result<(), TrafficError> {
        let mut doors = self.fronting.doors.iter().enumerate();
        let door = doors.find_map(|(index, door)| Some((index, door.as_ref()?)));
        until(|| look(docker, written, door))
            .await
            .map_err(|seen| TrafficError::NotServed {
                waited: SERVED_WITHIN,
                seen,
            })
    }

    pub(crate) fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The edge's name, if it does not run.
    pub(crate) async fn absent(&self, docker: &Docker) -> Result<Option<String>, TrafficError> {
        match self.edge(docker).await {
            Ok(_) => Ok(None),
            Err(TrafficError::NoEdge) => Ok(Some(NAME.to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Takes all splits away: the edge leads to the service by its name again.
    pub(crate) async fn release(&mut self, docker: &Docker) -> Result<(), TrafficError> {
        self.pins.clear();
        let write = || TrafficError::engine(WRITE);
        let edge = match self.edge(docker).await {
            Ok(edge) => edge,
            // Without an edge there are no routes of it either.
            Err(TrafficError::NoEdge) => return Ok(()),
            Err(error) => return Err(error),
        };
        let numbers = files::generations(docker, &edge).await.map_err(write())?;
        files::blank(docker, &edge, &numbers).await.map_err(write())
    }

    /// The edge as it runs now: Compose may have recreated it since.
    async fn edge(&self, docker: &Docker) -> Result<String, TrafficError> {
        let edges = find(docker, &self.fronting.project)
            .await
            .map_err(TrafficError::engine("look for Teal's edge"))?;
        let service = &self
            .fronting
            .entries
            .first()
            .ok_or(TrafficError::NoEdge)?
            .service;
        edges
            .into_iter()
            .find(|edge| !entries_for(edge, service).is_empty())
            .and_then(|edge| edge.id)
            .ok_or(TrafficError::NoEdge)
    }
}

/// A split as it was put into an edge.
#[derive(Debug)]
pub(super) struct Written {
    edge: String,
    pub(super) number: u32,
    /// The splits that it is above.
    below: Vec<u32>,
    proof: String,
}

async fn look(
    docker: &Docker,
    written: &Written,
    door: Option<(usize, &Door)>,
) -> Result<(), String> {
    match door {
        Some((index, door)) => answers(door, &probe_value(&written.proof, index))
            .await
            .map_err(NotYet::into_text),
        None => ping(docker, &written.edge, written.number).await,
    }
}

/// Looks again and again, until it is so or the time is up.
pub(super) async fn until<L>(look: impl Fn() -> L) -> Result<(), String>
where
    L: Future<Output = Result<(), String>>,
{
    let deadline = Instant::now() + SERVED_WITHIN;
    loop {
        match look().await {
            Ok(()) => return Ok(()),
            Err(seen) if Instant::now() >= deadline => return Err(seen),
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

/// Has the edge ask itself for a generation's ping.
pub(super) async fn ping(docker: &Docker, edge: &str, generation: u32) -> Result<(), String> {
    let address = ping_address(generation);
    let words = [
        "traefik".to_owned(),
        "healthcheck".to_owned(),
        "--ping=true".to_owned(),
        format!("--ping.entrypoint={PING_ENTRY}"),
        format!("--entrypoints.{PING_ENTRY}.address={address}:{PING_PORT}"),
    ];
    let config = ExecConfig {
        cmd: Some(words.to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..ExecConfig::default()
    };
    let asked = async {
        let exec = docker.create_exec(edge, config).await?;
        let started = docker
            .start_exec(&exec.id, None::<StartExecOptions>)
            .await?;
        let mut said = String::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(line) = output.try_next().await? {
                said.push_str(&line.to_string());
            }
        }
        let code = docker.inspect_exec(&exec.id).await?.exit_code;
        Ok::<_, bollard::errors::Error>((code, said))
    };
    match asked.await {
        Ok((Some(0), _)) => Ok(()),
        Ok((_, said)) => Err(format!("the edge says: {}", said.trim())),
        Err(error) => Err(format!("the edge can't be asked: {error}")),
    }
}
