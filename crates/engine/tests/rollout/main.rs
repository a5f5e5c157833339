//! Rollouts through the library's public face, on the real engine with real Compose and Traefik.

mod failure;
mod faulty;
mod refused;
mod stage;
mod success;
