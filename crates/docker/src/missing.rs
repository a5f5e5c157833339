//! Containers and images that are gone.

use bollard::errors::Error as BollardError;

/// That something is gone is an answer, not an error.
pub trait Missing<T> {
    fn missing(self) -> Result<Option<T>, BollardError>;
}

impl<T> Missing<T> for Result<T, BollardError> {
    fn missing(self) -> Result<Option<T>, BollardError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Also what an engine says of a container or an image that it is removing at this moment, and still
/// has a name of but nothing else.
fn is_gone(error: &BollardError) -> bool {
    match error {
        BollardError::DockerResponseServerError {
            status_code,
            message,
        } => {
            *status_code == 404
                || (*status_code == 500
                    && ((message.contains("RWLayer of container")
                        && message.contains("unexpectedly nil"))
                        || message.contains("unrecognized image ID")))
        }
        _ => false,
    }
}

/// Whether the engine has answered with this status.
pub fn is_status(error: &BollardError, status: u16) -> bool {
    matches!(error, BollardError::DockerResponseServerError { status_code, .. } if *status_code == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_going_is_gone() {
        let says = |status_code, message: &str| {
            Err::<(), _>(BollardError::DockerResponseServerError {
                status_code,
                message: message.to_owned(),
            })
        };
        let going = "RWLayer of container 0123456789ab is unexpectedly nil";
        assert!(matches!(
            says(404, "No such container: x").missing(),
            Ok(None)
        ));
        assert!(matches!(says(500, going).missing(), Ok(None)));
        assert!(matches!(
            says(500, "unrecognized image ID sha256:0123").missing(),
            Ok(None)
        ));
        assert!(says(500, "device or resource busy").missing().is_err());
        assert!(says(409, going).missing().is_err());
        assert!(matches!(Ok(()).missing(), Ok(Some(()))));
    }
}
