//! Host ports that no other test has, in whatever process it runs.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
};

/// Below the ports that the kernel gives to outgoing connections, which come and go.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A host port, ours until dropped. Nothing listens on it yet.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    /// Its lock says to other processes that the port is taken, even while nobody listens.
    _lock: File,
}

impl Port {
    pub(crate) fn lease() -> Self {
        let directory = env::temp_dir().join("teal-testkit-ports");
        fs::create_dir_all(&directory).expect("the temporary directory can be written");
        let offset = u16::try_from(uuid::Uuid::new_v4().as_u128() % u128::from(COUNT))
            .expect("smaller than COUNT");
        (0..COUNT)
            .map(|step| FIRST + (offset + step) % COUNT)
            .find_map(|number| {
                let lock = File::create(directory.join(number.to_string())).ok()?;
                lock.try_lock().ok()?;
                TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
                Some(Self {
                    number,
                    _lock: lock,
                })
            })
            .expect("a free port")
    }
}
