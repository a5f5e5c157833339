//! Settling a rollout that was interrupted: on to Green, or back to Blue. Both look before they act,
//! so that they can be interrupted themselves and done again.

use tracing::Instrument;

use super::{
    Driver, End, Facts, chain,
    drive::{drive, give_up},
    failure::Trouble,
    phase,
    split::traffic,
    surroundings,
};
use teal_docker as docker;
use teal_model::event::{Color, EventKind, Failure, FailureCode, Outcome};
use teal_model::{Recovery, Result};

impl Driver {
    /// Settles an unsettled rollout, in the background.
    pub fn spawn_recovery(mut self, facts: Facts, way: Recovery) {
        let span = tracing::info_span!("recovery", id = self.rollout.id(), ?way);
        let work = async move {
            let surroundings = surroundings::watch(&self.docker, &self.rollout);
            self.books().begin_journal();
            self.take_over(&facts);
            let end = match way {
                _ if facts.is_all_gone(self.rollout.id()) => self.let_go().await,
                Recovery::Finish => Box::pin(self.go_on(&facts)).await,
                Recovery::RollBack => self.go_back().await,
            };
            drop(surroundings);
            self.finish(end).await;
        };
        tokio::spawn(work.instrument(span));
    }

    /// Knows, and tells, what the process before this one did.
    fn take_over(&mut self, facts: &Facts) {
        let ids = facts.green.iter().filter_map(|green| green.id.clone());
        self.green = ids.collect();
        self.blue_may_be_stopping = facts.blue_may_be_stopping;
        let blue = docker::replicas(&facts.blue);
        let live = self.live_blue();
        self.serving_blue = blue
            .into_iter()
            .filter(|replica| replica.gets_requests() && live.contains(&replica.id))
            .map(|replica| replica.id)
            .collect();
        // Requests may be in flight on Green: the split before the last one is not known.
        self.green_served = true;
        self.evidence.shifting(50);
        self.rollout.emit(EventKind::Planned {
            plan: Box::new(self.plan.clone()),
        });
        for (color, containers) in [(Color::Blue, &facts.blue), (Color::Green, &facts.green)] {
            self.rollout.emit(EventKind::Containers {
                color,
                replicas: docker::replicas(containers),
            });
        }
        if let Some(green_percent) = facts.green_percent {
            self.rollout.emit(EventKind::Split { green_percent });
        }
    }

    /// On from the phase it was in, as the table says.
    async fn go_on(&mut self, facts: &Facts) -> End {
        let from = phase::resumed_at(facts.phase());
        let ready = async {
            self.books().keep_record().await?;
            // A Blue that does not run any more, or not for long, can prove nothing, and nothing has to
            // be proved of it.
            if !self.blue_may_be_stopping && self.all_of_blue_runs().await {
                self.try_proof().await.map_err(|error| traffic(&error))?;
                // Who was reloaded before the interruption can't be told: it is named once more.
                if !self.green.is_empty() {
                    self.remember_proxies().await;
                }
            }
            Ok::<_, Trouble>(())
        };
        let ready = ready.await;
        self.watch().await;
        match ready {
            Ok(()) => drive(self, from).await,
            Err(trouble) => give_up(self, from, trouble).await,
        }
    }

    /// Settles a rollout of which there is neither Blue nor Green.
    async fn let_go(&mut self) -> End {
        let failure = interrupted("the rollout was interrupted, and its containers are gone");
        self.rollout.emit(EventKind::RollingBack {
            reason: failure.message.clone(),
        });
        let cleared = self.clear_up().await;
        self.settled(failure, "it could not be settled", cleared)
            .await
    }

    async fn go_back(&mut self) -> End {
        let failure = interrupted("the rollout was interrupted");
        self.rollout.emit(EventKind::RollingBack {
            reason: failure.message.clone(),
        });
        self.watch().await;
        let restored = match self.books().keep_record().await {
            Ok(()) => self.roll_back().await,
            Err(error) => Err(error),
        };
        self.settled(failure, "the way back to Blue failed", restored)
            .await
    }

    /// The end of an interrupted rollout that was undone, or could not be.
    async fn settled(&self, failure: Failure, what_failed: &str, undone: Result<()>) -> End {
        let Err(error) = undone else {
            return End {
                outcome: Outcome::RolledBack,
                failure: Some(failure),
                left_behind: Vec::new(),
            };
        };
        let message = format!("{what_failed}: {}", chain(&error));
        End {
            outcome: Outcome::NotRolledBack,
            failure: Some(Failure {
                message,
                hint: format!(
                    "mend what the message names, then `teal recover {} --roll-back -p {}` once more",
                    self.plan.service, self.plan.project
                ),
                ..failure
            }),
            left_behind: self.left_behind().await,
        }
    }
}

fn interrupted(message: &str) -> Failure {
    Failure {
        code: FailureCode::Interrupted,
        message: message.to_owned(),
        hint: "deploy again when you are ready".to_owned(),
        container: None,
        exit_code: None,
        out_of_memory: false,
        probe_output: None,
        log: Vec::new(),
    }
}
