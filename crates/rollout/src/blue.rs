//! Blue's containers: which of them serve, and whether it is as it was before.
//!
//! Traefik gives requests only to containers that are healthy or have no health check. Teal does the
//! same: the others of Blue are replaced, but nothing is steered to them or demanded of them.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Driver;
use teal_docker as docker;
use teal_model::{ContainerState, Error, Health, Replica, Result};

/// How long Blue may take to be healthy again after it was stopped.
const BACK_WITHIN: Duration = Duration::from_secs(120);
/// The time between two looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// How far Blue is on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// It serves as it did when the rollout began.
    Whole,
    /// What was started again is not healthy yet.
    NotYet,
    /// All of it has turned unhealthy by itself, without having been stopped.
    Sick,
}

impl Driver {
    pub(super) fn blue(&self) -> Vec<String> {
        let blue = self.plan.blue.iter();
        blue.map(|replica| replica.id.clone()).collect()
    }

    /// Those of Blue that ran when the rollout began: the others serve nobody, and are replaced.
    pub(super) fn live_blue(&self) -> Vec<String> {
        let blue = self.plan.blue.iter();
        blue.filter(|replica| replica.state == ContainerState::Running)
            .map(|replica| replica.id.clone())
            .collect()
    }

    /// Those of these containers that run now.
    pub(super) async fn running_of(&self, ids: &[String]) -> Result<Vec<String>> {
        let runs = |replica: &Replica| replica.state == ContainerState::Running;
        those(&self.docker, ids, runs).await
    }

    /// Those of these containers that Traefik would give requests now.
    pub(super) async fn serving_of(&self, ids: &[String]) -> Result<Vec<String>> {
        those(&self.docker, ids, Replica::gets_requests).await
    }

    /// Whether an unsteered Green that callers may have found does not serve either.
    async fn nobody_else_serves(&self) -> Result<bool> {
        Ok(!self.is_steered() && self.serving_of(&self.green).await?.is_empty())
    }

    /// Returns once Blue is as it was when the rollout began, as far as that is in Teal's hands: what
    /// was stopped is healthy again.
    ///
    /// # Errors
    /// It is not in time, and Green serves.
    pub(super) async fn until_blue_is_back(&self) -> Result<()> {
        let deadline = Instant::now() + BACK_WITHIN;
        loop {
            let mut now = Vec::new();
            for before in &self.plan.blue {
                let container = docker::inspect(&self.docker, &before.id).await?;
                now.push(container.as_ref().map(docker::replica));
            }
            let back = back(&self.plan.blue, &now);
            let is_late = Instant::now() >= deadline;
            match back {
                Back::Whole => return Ok(()),
                // Nothing was taken from it, and nobody else could serve.
                Back::Sick if !self.green_served || self.nobody_else_serves().await? => break,
                Back::NotYet | Back::Sick if is_late => {
                    if !self.serving_of(&self.green).await?.is_empty() {
                        return Err(Error::Unexpected("Blue is not healthy".to_owned()));
                    }
                    break;
                }
                Back::NotYet | Back::Sick => sleep(INTERVAL).await,
            }
        }
        self.rollout
            .warn("Blue is not healthy, and is left as it is".to_owned());
        Ok(())
    }
}

/// Those of the containers that are so now.
pub(super) async fn those(
    docker: &bollard::Docker,
    ids: &[String],
    is_so: impl Fn(&Replica) -> bool,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for id in ids {
        let container = docker::inspect(docker, id).await?;
        if container
            .as_ref()
            .map(docker::replica)
            .is_some_and(|it| is_so(&it))
        {
            found.push(id.clone());
        }
    }
    Ok(found)
}

/// How Blue is, compared with how it was.
fn back(before: &[Replica], now: &[Option<Replica>]) -> Back {
    let served: Vec<_> = before
        .iter()
        .zip(now)
        .filter(|(before, _)| before.gets_requests())
        .collect();
    let is_up = |now: &Option<Replica>| now.as_ref().is_some_and(Replica::gets_requests);
    // One that has run all the time was not made unhealthy by Teal.
    let is_sick = |before: &Replica, now: &Option<Replica>| {
        now.as_ref().is_some_and(|now| {
            now.state == ContainerState::Running
                && now.health == Health::Unhealthy
                && now.started_at == before.started_at
        })
    };
    if served.iter().all(|(before, now)| is_sick(before, now)) && !served.is_empty() {
        return Back::Sick;
    }
    match served
        .iter()
        .all(|(before, now)| is_up(now) || is_sick(before, now))
    {
        true => Back::Whole,
        false => Back::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use teal_model::Limits;

    fn replica(health: Health, started_at: i64) -> Replica {
        Replica {
            id: "1".to_owned(),
            name: "shop-web-1".to_owned(),
            number: 1,
            state: ContainerState::Running,
            exit_code: None,
            health,
            limits: Limits::default(),
            started_at: jiff::Timestamp::from_second(started_at).ok(),
            image_id: String::new(),
            rollout: None,
        }
    }

    fn is(before: &[Replica], now: &[Replica]) -> Back {
        let now: Vec<_> = now.iter().cloned().map(Some).collect();
        back(before, &now)
    }

    #[test]
    fn blue_is_back_when_what_served_serves() {
        use std::slice::from_ref;

        use Health::{Healthy, None, Starting, Unhealthy};
        let [healthy, unchecked] = [Healthy, None].map(|health| replica(health, 1));
        let sick = replica(Unhealthy, 1);
        let before = [healthy.clone(), sick.clone()];
        assert_eq!(is(&before, &before), Back::Whole, "as it was is enough");
        assert_eq!(is(from_ref(&unchecked), from_ref(&unchecked)), Back::Whole);
        assert_eq!(is(from_ref(&sick), from_ref(&sick)), Back::Whole);
        let restarted = |health| [replica(health, 2), sick.clone()];
        assert_eq!(is(&before, &restarted(Starting)), Back::NotYet);
        assert_eq!(is(&before, &restarted(Unhealthy)), Back::NotYet);
        assert_eq!(is(&before, &restarted(Healthy)), Back::Whole);
        assert_eq!(back(&before, &[Option::None, Some(sick)]), Back::NotYet);
    }

    #[test]
    fn what_turned_unhealthy_by_itself_is_not_waited_for_while_another_serves() {
        use Health::{Healthy, Unhealthy};
        let before = [replica(Healthy, 1), replica(Healthy, 1)];
        let [well, sick] = [Healthy, Unhealthy].map(|health| replica(health, 1));
        assert_eq!(is(&before, &[well, sick.clone()]), Back::Whole);
        assert_eq!(is(&before, &[sick.clone(), sick]), Back::Sick);
    }
}
