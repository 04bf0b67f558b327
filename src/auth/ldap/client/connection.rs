//! A connection to a server: its operations, one at a time.
//!
//! An operation that fails or does not end in time leaves the connection in an unknown state: it is dropped with the
//! error, and never used again.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Entry, LdapError, ResultCode, SearchRequest, SearchResult,
    connect::{Duplex, connect},
    failure::Failure,
    message_stream::MessageStream,
    request,
    response::{Outcome, Response},
    result_budget::ResultBudget,
    search_request::Scope,
    server::Server,
};

/// An established connection, protected as the settings say.
pub(super) struct Connection(MessageStream<Box<dyn Duplex>>);

impl Connection {
    pub(super) async fn open(server: &Server, deadline: Instant) -> Result<Self, Failure> {
        connect(server, deadline).await.map(Self)
    }

    /// Binds with a name and a password (RFC 4511 §4.2). The outcome is the server's, whatever it is.
    pub(super) async fn bind(
        &mut self,
        server: &Server,
        dn: &str,
        password: &str,
        deadline: Instant,
    ) -> Result<Outcome, Failure> {
        let bound = timeout_at(deadline, async {
            self.0.send(|id| request::bind(id, dn, password)).await?;
            match self.0.receive(server, &mut ResultBudget::new()).await? {
                Response::Bind(mut outcome) => {
                    outcome.diagnostic = outcome.diagnostic.without(password);
                    Ok(outcome)
                }
                _ => Err(server.breaks_protocol("another response answers a bind")),
            }
        });
        bound.await.unwrap_or_else(|_| Err(server.timed_out("bind", server.operation_timeout)))
    }

    /// Searches, page by page (RFC 4511 §4.5, RFC 2696). The first page has to be there at the deadline, each later
    /// one within the time limit for operations.
    pub(super) async fn search(
        &mut self,
        server: &Server,
        search: &SearchRequest,
        deadline: Instant,
    ) -> Result<SearchResult, Failure> {
        let mut found = Found {
            server,
            search,
            result: SearchResult::default(),
            references: 0,
            budget: ResultBudget::new(),
        };
        let (mut cookie, mut page_deadline) = (Vec::new(), deadline);
        let last = Instant::now() + server.operation_timeout * SEARCH_TIMES;
        for _ in 0..MAX_PAGES {
            let page = timeout_at(page_deadline, self.page(&mut found, &cookie));
            let page =
                page.await.unwrap_or_else(|_| Err(server.timed_out("search", server.operation_timeout)));
            cookie = page?;
            if cookie.is_empty() || found.result.is_truncated {
                return Ok(found.result);
            }
            page_deadline = last.min(Instant::now() + server.operation_timeout);
        }
        Err(server.breaks_protocol("a result has more than 1,000 pages"))
    }

    /// Reads one page; the cookie of the next one is empty after the last.
    async fn page(&mut self, found: &mut Found<'_>, cookie: &[u8]) -> Result<Vec<u8>, Failure> {
        let (server, search) = (found.server, found.search);
        self.0.send(|id| request::search(id, search, server.operation_timeout, cookie)).await?;
        loop {
            match self.0.receive(server, &mut found.budget).await? {
                Response::Entry(entry) => found.add(entry)?,
                Response::References(urls) => {
                    found.references += 1;
                    if found.references > MAX_REFERENCES {
                        return Err(server.breaks_protocol("a result has more than 1,000 referrals"));
                    }
                    found.refer(urls);
                }
                Response::SearchDone(outcome, cookie) => {
                    found.finish(outcome)?;
                    return Ok(cookie);
                }
                _ => return Err(server.breaks_protocol("another response answers a search")),
            }
        }
    }

    /// Whether the connection can take another operation.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.0.is_quiet()
    }

    /// Says good-bye and closes the connection. A server that does not take it in time is not waited for.
    pub(super) async fn close(mut self) {
        timeout(CLOSE_LIMIT, self.0.send(request::unbind)).await.ok();
    }
}

/// The result of a search as it comes in.
struct Found<'s> {
    server: &'s Server,
    search: &'s SearchRequest,
    result: SearchResult,
    references: usize,
    budget: ResultBudget,
}

impl Found<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), Failure> {
        // Only the server's own entry has the empty name.
        if entry.dn().is_empty() && !(self.search.base.is_empty() && self.search.scope == Scope::Base) {
            return Err(self.server.breaks_protocol("an entry has no name"));
        }
        let limit = usize::try_from(self.search.size_limit).unwrap_or(usize::MAX);
        if limit != 0 && self.result.entries.len() >= limit {
            return Err(self.server.breaks_protocol("a result has more entries than the size limit"));
        }
        self.result.entries.push(entry);
        Ok(())
    }

    fn refer(&mut self, urls: Vec<super::ServerText>) {
        let space = SHOWN_REFERRALS.saturating_sub(self.result.referrals.len());
        self.result.referrals.extend(urls.into_iter().take(space));
    }

    fn finish(&mut self, outcome: Outcome) -> Result<(), Failure> {
        match outcome.code {
            ResultCode::SUCCESS => {}
            ResultCode::SIZE_LIMIT_EXCEEDED => self.result.is_truncated = true,
            code => {
                let server = Arc::clone(&self.server.shown);
                let diagnostic = match outcome.referrals.into_iter().next() {
                    Some(url) if outcome.diagnostic.is_empty() => url,
                    _ => outcome.diagnostic,
                };
                return Err(LdapError::Refused { server, operation: "search", code, diagnostic }.into());
            }
        }
        self.refer(outcome.referrals);
        Ok(())
    }
}

/// Maximum number of pages of a result.
const MAX_PAGES: usize = 1000;
/// Maximum number of references of a result, those that are not shown included.
const MAX_REFERENCES: usize = 1000;
/// Number of referrals that are shown.
const SHOWN_REFERRALS: usize = 8;
/// Limit on a search with all its pages, in time limits for operations.
const SEARCH_TIMES: u32 = 6;
/// Time for the last message of a connection.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
