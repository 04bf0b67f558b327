//! Chromium without a window, through chromedriver.
//!
//! A [`Browser`] has a profile of its own and is gone when it is dropped. Where one is missing the
//! test fails: `tests/run` installs it.

use std::{
    fs,
    future::Future,
    path::PathBuf,
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{
    By, ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, WindowHandle,
    error::{WebDriverError, WebDriverErrorInner, WebDriverResult},
    session::http::{Body, HttpClient},
};
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};

use super::process::{Captured, until};

/// A browser, driven from outside.
pub struct Browser {
    driver: Option<WebDriver>,
    runtime: Runtime,
    chromedriver: Child,
    _profile: TempDir,
}

/// Starts chromedriver; `None` if its port is in use.
fn start_chromedriver() -> Option<(Child, u16)> {
    let mut chromedriver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("starting chromedriver: {error}; tests/run installs it"));
    let output = Captured::of(chromedriver.stdout.take().expect("its standard output"));
    let port = output.wait_for("chromedriver's port", |text| {
        match text.split_once("started successfully on port ") {
            Some((_, rest)) => Some(Some(rest.split('.').next()?.parse().ok()?)),
            None => text.contains("port not available").then_some(None),
        }
    });
    if port.is_none() {
        chromedriver.wait().expect("its end");
    }
    Some((chromedriver, port?))
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    width: u32,
    height: u32,
    scheme: &'static str,
}

/// Every look of which pictures are taken: a phone and a desk, by day and by night.
pub const LOOKS: [Look; 4] = [
    Look { width: 390, height: 844, scheme: "light" },
    Look { width: 390, height: 844, scheme: "dark" },
    Look { width: 1280, height: 800, scheme: "light" },
    Look { width: 1280, height: 800, scheme: "dark" },
];

impl Look {
    /// By day, on a window of this width.
    pub fn light(width: u32) -> Self {
        Self { width, height: 844, scheme: "light" }
    }

    /// By night.
    pub fn dark(width: u32) -> Self {
        Self { width, height: 844, scheme: "dark" }
    }
}

impl Browser {
    /// Starts a browser that has never been anywhere.
    pub fn start() -> Self {
        Self::start_knowing(&[])
    }

    /// The same, for which these hosts are here.
    pub fn start_knowing(hosts: &[&str]) -> Self {
        // chromedriver takes a free port of IPv6 and then the same one of IPv4, which another process may have.
        let (chromedriver, port) =
            (0..5).find_map(|_| start_chromedriver()).expect("a port that is free for IPv4 and IPv6");
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let connecting =
            WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities(&profile, hosts))
                .client(Plain { port })
                .connect();
        let driver = runtime.block_on(connecting).expect("chromium starts; tests/run installs it");
        Self { driver: Some(driver), runtime, chromedriver, _profile: profile }
    }

    pub fn open(&self, url: &str) {
        self.wait(self.driver().goto(url));
    }

    pub fn url(&self) -> String {
        self.wait(self.driver().current_url()).to_string()
    }

    pub fn title(&self) -> String {
        self.wait(self.driver().title())
    }

    /// All text that can be seen.
    pub fn text(&self) -> String {
        self.text_of("body")
    }

    /// The visible text of the first element.
    pub fn text_of(&self, css: &str) -> String {
        self.wait(async { self.driver().find(By::Css(css)).await?.text().await })
    }

    /// Types into a field, whatever was in there.
    pub fn fill_in(&self, css: &str, typed: &str) {
        self.wait(async {
            let field = self.driver().find(By::Css(css)).await?;
            field.clear().await?;
            field.send_keys(typed).await
        });
    }

    /// Presses keys, wherever the focus is.
    pub fn press(&self, keys: &str) {
        self.wait(async { self.driver().active_element().await?.send_keys(keys).await });
    }

    /// Looks at pages like this from now on, without transitions.
    pub fn look(&self, look: Look) {
        let Look { width, height, scheme } = look;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Clicks on what leads to another page, and waits for that.
    pub fn click(&self, css: &str) {
        self.evaluate("window.isThePageBefore = true");
        self.wait(async { self.driver().find(By::Css(css)).await?.click().await });
        let arrived = "window.isThePageBefore === undefined && document.readyState === 'complete'";
        until("the next page", || {
            let arrived = self.driver().execute(format!("return {arrived}"), vec![]);
            // Between two pages there is nobody to ask.
            self.runtime.block_on(arrived).is_ok_and(|arrived| *arrived.json() == true)
        });
    }

    /// Opens a new tab, in which the test goes on.
    pub fn new_tab(&self) -> WindowHandle {
        self.wait(async {
            let tab = self.driver().new_tab().await?;
            self.driver().switch_to_window(tab.clone()).await?;
            Ok(tab)
        })
    }

    /// All tabs, in the order in which they were opened.
    pub fn tabs(&self) -> Vec<WindowHandle> {
        self.wait(self.driver().windows())
    }

    pub fn switch_to(&self, tab: &WindowHandle) {
        self.wait(self.driver().switch_to_window(tab.clone()));
    }

    pub fn back(&self) {
        self.wait(self.driver().back());
    }

    /// The value of a cookie that this page sends, `HttpOnly` or not.
    pub fn cookie(&self, name: &str) -> String {
        let found = self.devtools("Network.getCookies", &json!({}));
        let cookies = found["cookies"].as_array().expect("a list of cookies");
        let cookie = cookies.iter().find(|cookie| cookie["name"] == name);
        let value = cookie.and_then(|cookie| cookie["value"].as_str());
        value.unwrap_or_else(|| panic!("no cookie {name} in {found}")).to_owned()
    }

    /// Forgets all cookies, `HttpOnly` or not.
    pub fn forget_cookies(&self) {
        self.devtools("Network.clearBrowserCookies", &json!({}));
    }

    /// Forgets the cookies of the host whose page is open.
    pub fn forget_cookies_of(&self, host: &str) {
        let cookies = self.devtools("Network.getCookies", &json!({}));
        for cookie in cookies["cookies"].as_array().expect("a list") {
            let only = json!({ "name": cookie["name"], "domain": host, "path": "/" });
            self.devtools("Network.deleteCookies", &only);
        }
    }

    pub fn reload(&self) {
        self.wait(self.driver().refresh());
    }

    /// The value of an expression on the page.
    pub fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        self.wait(async { Ok(self.driver().execute(script, vec![]).await?.json().clone()) })
    }

    /// The value of a promise on the page, or the name of its error.
    pub fn resolve(&self, promise: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];\
             Promise.resolve().then(() => {promise}).then(done, (error) => done(error.name))"
        );
        self.wait(async { Ok(self.driver().execute_async(script, vec![]).await?.json().clone()) })
    }

    /// Warnings and errors of the console since the last time, but for statuses that a test asked for.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.wait(self.driver().browser_log()).into_iter();
        let complaints = entries.filter(|entry| entry.level != "INFO").map(|entry| entry.message);
        complaints.filter(|message| !message.contains("the server responded with a status of")).collect()
    }

    /// Takes pictures in every look. A page that is wider than its window is a mistake.
    pub fn picture(&self, name: &str) {
        for look in LOOKS {
            let wide = self.picture_as(name, look);
            assert!(wide <= look.width.into(), "{name} is {wide} wide at {}", look.width);
        }
        self.look_normal();
    }

    /// Takes one picture of a page that somebody else has made.
    pub fn picture_at_a_desk(&self, name: &str) {
        self.picture_as(name, Look { width: 1280, height: 800, scheme: "light" });
        self.look_normal();
    }

    fn look_normal(&self) {
        self.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [] }));
    }

    /// Says how wide the page is.
    fn picture_as(&self, name: &str, look: Look) -> u64 {
        let Look { width, height, scheme } = look;
        let size = |height: u64| json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", &size(height.into()));
        // Without transitions: the picture would show a colour between two.
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.devtools("Emulation.setEmulatedMedia", &features);
        let measure = |what: &str| {
            let length = self.evaluate(&format!("document.documentElement.{what}"));
            length.as_u64().expect("a length in pixels")
        };
        let (wide, high) = (measure("scrollWidth"), measure("scrollHeight"));
        self.devtools("Emulation.setDeviceMetricsOverride", &size(high.max(height.into())));
        let png = self.wait(self.driver().screenshot_as_png());
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/output/screenshots");
        fs::create_dir_all(&folder).expect("the folder of pictures");
        fs::write(folder.join(format!("{name}-{width}-{scheme}.png")), png).expect("a picture");
        wide
    }

    /// Gives a command of the `DevTools` protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.wait(self.driver().cdp().send_raw(command, parameters))
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("it is there until it is dropped")
    }

    fn wait<T>(&self, doing: impl Future<Output = WebDriverResult<T>>) -> T {
        let done = self.runtime.block_on(async { timeout(PATIENCE, doing).await });
        done.expect("the browser responds in time").unwrap_or_else(|error| panic!("the browser: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let quitting = async { timeout(PATIENCE, driver.quit()).await };
            self.runtime.block_on(quitting).ok();
        }
        self.chromedriver.kill().ok();
        self.chromedriver.wait().ok();
    }
}

fn capabilities(profile: &TempDir, hosts: &[&str]) -> thirtyfour::ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    let profile = format!("--user-data-dir={}", profile.path().display());
    let here = hosts.iter().map(|host| format!("MAP {host} 127.0.0.1")).collect::<Vec<_>>().join(", ");
    let names = format!("--host-resolver-rules={here}");
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--ignore-certificate-errors",
        "--no-proxy-server",
        &profile,
        &names,
    ];
    for argument in arguments {
        capabilities.add_arg(argument).expect("an argument");
    }
    capabilities.set_binary("/usr/bin/chromium").expect("a path");
    capabilities.set_logging_prefs("browser", LoggingPrefsLogLevel::All).expect("a level");
    capabilities
}

/// HTTP to chromedriver, a connection a command.
#[derive(Clone)]
struct Plain {
    port: u16,
}

impl Plain {
    async fn exchange(
        self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Box<dyn std::error::Error>> {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await?.into_parts();
        #[expect(clippy::disallowed_methods, reason = "limited")]
        let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

type Responded<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl HttpClient for Plain {
    fn send<'this, 'body, 'all>(
        &'this self,
        request: Request<Body<'body>>,
    ) -> Responded<'all, WebDriverResult<Response<Bytes>>>
    where
        'this: 'all,
        'body: 'all,
        Self: 'all,
    {
        let (mut head, body) = request.into_parts();
        let body = match body {
            Body::Empty => Bytes::new(),
            Body::Json(json) => Bytes::from(json.to_string()),
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse().expect("a path of chromedriver");
        let host = format!("127.0.0.1:{}", self.port).parse().expect("a host");
        head.headers.insert(http::header::HOST, host);
        head.uri = path;
        let exchange = self.clone().exchange(Request::from_parts(head, Full::new(body)));
        Box::pin(async move {
            exchange.await.map_err(|error| {
                WebDriverError::from_inner(WebDriverErrorInner::FatalError(error.to_string()))
            })
        })
    }

    fn new<'this, 'all>(&'this self) -> Responded<'all, Arc<dyn HttpClient>>
    where
        'this: 'all,
        Self: 'all,
    {
        let client: Arc<dyn HttpClient> = Arc::new(self.clone());
        Box::pin(async move { client })
    }
}

const PATIENCE: Duration = Duration::from_mins(1);
const MAX_RESPONSE: usize = 64 << 20;
