//! Connections that are bound as the service account.

use std::sync::Arc;

use tokio::time::Instant;

use crate::auth::ldap::client::{
    LdapError, ResultCode, ServiceAccount, connection::Connection, failure::Failure, server::Server,
};

/// Opens a connection and binds it as the service account, if there is one.
pub(super) async fn open(
    server: &Server,
    account: Option<&ServiceAccount>,
    deadline: Instant,
) -> Result<Connection, Failure> {
    let mut connection = Connection::open(server, deadline).await?;
    if let Some(ServiceAccount { bind_dn, password }) = account {
        let outcome = connection.bind(server, bind_dn, password.exposed(), deadline).await?;
        if outcome.code != ResultCode::SUCCESS {
            let (server, code) = (Arc::clone(&server.shown), outcome.code);
            return Err(LdapError::ServiceBindRefused { server, code, diagnostic: outcome.diagnostic }.into());
        }
    }
    Ok(connection)
}
