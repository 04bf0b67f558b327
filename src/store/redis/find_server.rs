//! Finding the server that takes our writes.
//!
//! All our keys are in one slot, so one server holds them all, and finding it is all that Sentinels and clusters need. A
//! connection that learns that its server takes no writes any more looks for the server again.

use std::{fs, path::PathBuf, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, RedisResult, TlsCertificates, Value,
    aio::MultiplexedConnection,
};

use super::{
    Failure, KeyPrefix,
    address::{As, Host, RedisAddress, RedisLocation},
};

/// Looks for the server.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    pub(super) address: RedisAddress,
    /// Certificates of authorities, PEM; without one, those of the system.
    pub(super) ca: Option<PathBuf>,
    pub(super) prefix: KeyPrefix,
}

impl Finder {
    /// The server to talk to, now.
    pub(super) async fn find(&self) -> Result<Client, Failure> {
        match &self.address.location {
            RedisLocation::Server(host) => self.client(self.address.server(host)?),
            RedisLocation::Socket(path) => self.client(self.address.socket(path)?),
            RedisLocation::Sentinels(sentinels, master) => {
                let host = first_reply(sentinels, |sentinel| self.ask_sentinel(sentinel, master)).await?;
                let client = self.client(self.address.server(&host)?)?;
                // A Sentinel that has not heard of a failover yet names the old master.
                let role: Value = redis::cmd("ROLE").query_async(&mut connect(&client).await?).await?;
                match texts(&role).first() {
                    Some(role) if role == "master" => Ok(client),
                    _ => Err(format!("{host} is not the master any more").into()),
                }
            }
            RedisLocation::Cluster(nodes) => {
                let host = first_reply(nodes, |node| self.ask_node(node)).await?;
                self.client(self.address.server(&host)?)
            }
        }
    }

    async fn ask_sentinel(&self, sentinel: Host, master: &str) -> Result<Host, Failure> {
        let asked = self.ask_sentinel_as(As::Nobody, &sentinel, master).await;
        match asked {
            Err(error) if self.address.has_credentials() && wants_credentials(&error) => {
                self.ask_sentinel_as(As::User, &sentinel, master).await
            }
            asked => asked,
        }
    }

    async fn ask_sentinel_as(&self, who: As, sentinel: &Host, master: &str) -> Result<Host, Failure> {
        let client = self.client(self.address.sentinel(sentinel, who)?)?;
        let mut connection = connect(&client).await?;
        let named: Option<(String, u16)> = redis::cmd("SENTINEL")
            .arg("get-master-addr-by-name")
            .arg(master)
            .query_async(&mut connection)
            .await?;
        let (name, port) = named.ok_or_else(|| format!("{sentinel} knows no master `{master}`"))?;
        Ok(Host { name, port })
    }

    async fn ask_node(&self, node: Host) -> Result<Host, Failure> {
        let mut connection = connect(&self.client(self.address.server(&node)?)?).await?;
        let slot: i64 = redis::cmd("CLUSTER")
            .arg("KEYSLOT")
            .arg(self.prefix.as_str())
            .query_async(&mut connection)
            .await?;
        let slots: Value = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
        let holder = holder(&slots, slot).ok_or_else(|| format!("no node holds the slot {slot}"))?;
        Ok(Host { name: if holder.name.is_empty() { node.name } else { holder.name }, ..holder })
    }

    fn client(&self, info: ConnectionInfo) -> Result<Client, Failure> {
        match &self.ca {
            Some(path) if self.address.is_tls() => {
                let root_cert = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
                Ok(Client::build_with_tls(info, certificates)?)
            }
            _ => Ok(Client::open(info)?),
        }
    }
}

/// Connects; deadlines are the caller's.
pub(super) async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Asks one host after the other, each for a while; the error is that of the last one.
async fn first_reply<F>(hosts: &[Host], ask: impl Fn(Host) -> F) -> Result<Host, Failure>
where
    F: Future<Output = Result<Host, Failure>>,
{
    let mut last: Failure = "there is no host to ask".into();
    for host in hosts {
        match tokio::time::timeout(ASK_FOR, ask(host.clone())).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => last = format!("{host}: {error}").into(),
            Err(_) => last = format!("{host} does not answer").into(),
        }
    }
    Err(last)
}

fn wants_credentials(error: &Failure) -> bool {
    error.downcast_ref::<redis::RedisError>().is_some_and(|error| {
        error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("NOAUTH")
    })
}

/// The master of a slot, in a reply to `CLUSTER SLOTS`: first slot, last slot, the master, its replicas.
fn holder(slots: &Value, slot: i64) -> Option<Host> {
    let Value::Array(ranges) = slots else { return None };
    ranges.iter().find_map(|range| {
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_slice() else {
            return None;
        };
        let [name, Value::Int(port), ..] = master.as_slice() else { return None };
        let name = text(name).unwrap_or_default();
        let holds = (*first..=*last).contains(&slot);
        holds.then(|| u16::try_from(*port).ok().map(|port| Host { name, port })).flatten()
    })
}

fn texts(value: &Value) -> Vec<String> {
    let Value::Array(values) = value else { return Vec::new() };
    values.iter().filter_map(text).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

/// For one Sentinel or node to name the server.
const ASK_FOR: Duration = Duration::from_secs(1);
