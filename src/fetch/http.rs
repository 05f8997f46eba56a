//! The HTTPS client for Shadowserver, and for what operators have elsewhere; the only place that knows reqwest.
//!
//! No proxy, no redirect but for [`Getter`], roots built in. Names are resolved by the system's own resolver, which notices a changed
//! `/etc/resolv.conf`; reqwest's other one reads it once, and asks Google where there is none.

use std::error::Error as StdError;
use std::fmt;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    CONTENT_TYPE, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use tokio::sync::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout, timeout_at};

use super::api::{self, Ask, Head, Listing, ReportId};
use super::spool::{Spool, Spooled};
use super::{Error, REPORT_BYTES_MAX};
use crate::clock::{Day, Timestamp};
use crate::config::named::roots;
use crate::config::{Remote, Secret, Shadowserver};
use crate::net::is_private;

/// Asks Shadowserver, no more than about once a second.
pub struct Client {
    api: Site,
    download: Site,
    key: Secret,
    secret: Secret,
    reports: Vec<String>,
    /// Ticks once for each request; made at the first, since it needs a running runtime.
    pace: Mutex<Option<Interval>>,
    limits: Limits,
}

impl Client {
    /// Makes ready to ask; nothing is sent. `extra_ca` are PEM files of further authorities.
    pub fn new(settings: &Shadowserver, extra_ca: &[Vec<u8>]) -> Result<Self, Error> {
        let tls = tls(extra_ca)?;
        Ok(Self {
            api: Site::new("shadowserver.api_url", &settings.api_url, &tls)?,
            download: Site::new("shadowserver.download_url", &settings.download_url, &tls)?,
            key: settings.key.clone(),
            secret: settings.secret.clone(),
            reports: settings.reports.clone(),
            pace: Mutex::new(None),
            limits: Limits::default(),
        })
    }

    /// Lets requests follow each other after `pause` instead of a second.
    pub fn pausing(mut self, pause: std::time::Duration) -> Self {
        self.limits.pace = pause.max(Duration::from_millis(1));
        self
    }

    /// Whether Shadowserver knows the key and the secret fits to it.
    pub async fn ping(&self) -> Result<(), Error> {
        let body = self.ask(Ask::Ping).await?;
        api::read_pong(&self.api.host, &body, &self.key)
    }

    /// The lists that the key can see.
    pub async fn subscribed(&self) -> Result<Vec<String>, Error> {
        let body = self.ask(Ask::Subscribed).await?;
        api::read_names(&self.api.host, &body, &self.key)
    }

    /// The report types of a day.
    pub async fn types(&self, day: Day) -> Result<Vec<String>, Error> {
        let body = self.ask(Ask::Types { day }).await?;
        api::read_names(&self.api.host, &body, &self.key)
    }

    /// The report files of a day.
    pub async fn list(&self, day: Day) -> Result<Listing, Error> {
        let body = self.ask(Ask::List { day, reports: &self.reports }).await?;
        api::read_list(&self.api.host, &body, &self.key)
    }

    /// Downloads a report, listed as `file`, into the spool. `now` is the moment that the spool notes.
    pub async fn download(
        &self,
        id: &ReportId,
        file: &str,
        spool: &Spool,
        now: Timestamp,
    ) -> Result<Spooled, Error> {
        self.turn().await;
        let site = &self.download;
        let began = Instant::now();
        let request = site.http.get(format!("{}{}", site.base, id.expose()));
        let mut response = site.within(self.limits.answer, site.send(request)).await?;
        api::check_download(&site.head(&response), file)?;
        if response.content_length().is_some_and(|bytes| bytes > REPORT_BYTES_MAX) {
            return Err(Error::TooLarge { what: file.to_owned(), bytes_max: REPORT_BYTES_MAX });
        }
        let mut incoming = spool.begin(file, now);
        let mut buffer = Vec::new();
        let mut received = 0;
        loop {
            let more = self.limits.more(site, &mut response, &mut buffer, began, received).await?;
            received += more.unwrap_or(0);
            if more.is_none() || buffer.len() >= WRITE_BYTES {
                let piece = std::mem::take(&mut buffer);
                incoming = aside(move || incoming.write(&piece).map(|()| incoming)).await?;
            }
            if more.is_none() {
                return aside(move || incoming.finish()).await;
            }
        }
    }

    /// Sends a signed question and reads the whole answer.
    async fn ask(&self, ask: Ask<'_>) -> Result<Vec<u8>, Error> {
        self.turn().await;
        let signed = api::sign(&ask, &self.key, &self.secret);
        let site = &self.api;
        let request = site
            .http
            .post(format!("{}{}", site.base, ask.method()))
            .header(CONTENT_TYPE, "application/json")
            .header("HMAC2", signed.hmac2)
            .body(signed.body);
        let answer = async {
            let mut response = site.send(request).await?;
            let mut body = Vec::new();
            let whole = site.whole(&mut response, &mut body).await;
            // A refusal stands, even if its text does not come through.
            api::check(&site.head(&response), &body, &self.key)?;
            whole.map(|()| body)
        };
        site.within(self.limits.answer, answer).await
    }

    /// Waits until the next request may be sent.
    async fn turn(&self) {
        let mut pace = self.pace.lock().await;
        let pace = pace.get_or_insert_with(|| {
            let mut pace = interval(self.limits.pace);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        pace.tick().await;
    }
}

/// By what a server tells whether something is still the same.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Version {
    pub etag: Option<String>,
    pub modified: Option<String>,
}

/// What operators have elsewhere: it is asked with the login or token of its settings.
pub struct Getter {
    site: Site,
    remote: Remote,
    setting: String,
    limits: Limits,
}

impl Getter {
    /// Makes ready to ask; nothing is sent. `setting` names what it is of. `extra_ca` are PEM files of further
    /// authorities.
    pub fn new(setting: &str, remote: &Remote, extra_ca: &[Vec<u8>]) -> Result<Self, Error> {
        let site = Site::new(&format!("{setting}.url"), &remote.url.0, &tls(extra_ca)?)?;
        let limits = Limits { answer: EXPORT_TIME_MAX, ..Limits::default() };
        Ok(Self { site, remote: remote.clone(), setting: setting.to_owned(), limits })
    }

    /// Writes what is there, at most `bytes_max`, to a file at `path`; its version. `None`: it is still `known`.
    pub async fn get(&self, known: &Version, path: &Path, bytes_max: u64) -> Result<Option<Version>, Error> {
        let site = &self.site;
        let began = Instant::now();
        let mut response = site.within(self.limits.answer, self.follow(known)).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let too_large = || Error::TooLarge { what: format!("what {} hands out", site.host), bytes_max };
        if response.content_length().is_some_and(|bytes| bytes > bytes_max) {
            return Err(too_large());
        }
        let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let version = Version { etag: header(ETAG), modified: header(LAST_MODIFIED) };
        let mut file = aside({
            let path = path.to_owned();
            move || create(&path).map_err(|error| Error::disk(&path, error))
        })
        .await?;
        let mut buffer = Vec::new();
        let mut received = 0;
        loop {
            let more = self.limits.more(site, &mut response, &mut buffer, began, received).await?;
            received += more.unwrap_or(0);
            if received > bytes_max {
                return Err(too_large());
            }
            if more.is_none() || buffer.len() >= WRITE_BYTES {
                let (piece, path) = (std::mem::take(&mut buffer), path.to_owned());
                file = aside(move || {
                    file.write_all(&piece).map(|()| file).map_err(|error| Error::disk(&path, error))
                })
                .await?;
            }
            if more.is_none() {
                return Ok(Some(version));
            }
        }
    }

    /// The whole answer to a question, of at most `bytes_max`, which must come within `limit`.
    pub async fn ask(
        &self,
        question: &[(&str, &str)],
        limit: Duration,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Error> {
        let mut url = self.url()?;
        url.query_pairs_mut().extend_pairs(question);
        let answer = async {
            let mut response = self.checked(self.site.send(self.request(url)).await?)?;
            let mut body = Vec::new();
            while self.site.more(&mut response, &mut body).await?.is_some() {
                if body.len() > bytes_max {
                    let what = format!("the answer of {}", self.site.host);
                    return Err(Error::TooLarge { what, bytes_max: bytes_max as u64 });
                }
            }
            Ok(body)
        };
        self.site.within(limit, answer).await
    }

    /// The answer, to where the same server sends us on by https.
    async fn follow(&self, known: &Version) -> Result<Response, Error> {
        let mut url = self.url()?;
        for _ in 0..=REDIRECTS_MAX {
            let headers = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)];
            let request =
                headers.into_iter().fold(self.request(url.clone()), |request, (name, value)| match value {
                    Some(value) => request.header(name, value),
                    None => request,
                });
            let response = self.site.send(request).await?;
            let to = response.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
            match to.filter(|_| response.status().is_redirection()) {
                Some(to)
                    if to.scheme() == "https"
                        && url.scheme() == "https"
                        && to.host() == url.host()
                        && to.port_or_known_default() == url.port_or_known_default() =>
                {
                    url = to
                }
                Some(to) => return Err(self.sent_on(&to)),
                None => return self.checked(response),
            }
        }
        Err(self.sent_on(&url))
    }

    fn sent_on(&self, to: &Url) -> Error {
        // What stands behind the host may be as secret as the URL of the settings.
        let to = format!("{}://{}", to.scheme(), to.host_str().unwrap_or_default());
        Error::SentOn { host: self.site.host.clone(), to, setting: self.setting.clone() }
    }

    fn url(&self) -> Result<Url, Error> {
        Url::parse(&self.site.base)
            .map_err(|why| Error::Settings { what: format!("{}.url: {why}", self.setting) })
    }

    fn request(&self, url: Url) -> RequestBuilder {
        let request = self.site.http.get(url);
        match (&self.remote.login, &self.remote.token) {
            (Some((user, password)), _) => request.basic_auth(user, Some(&password.0)),
            (None, Some(token)) => request.bearer_auth(&token.0),
            (None, None) => request,
        }
    }

    fn checked(&self, response: Response) -> Result<Response, Error> {
        let (host, setting) = (self.site.host.clone(), self.setting.clone());
        match response.status().as_u16() {
            200 | 304 => Ok(response),
            status @ (401 | 403 | 407) => Err(Error::LoginRefused { host, status, setting }),
            429 | 503 => {
                let retry_after_seconds =
                    self.site.head(&response).retry_after.and_then(|text| text.parse().ok());
                Err(Error::Throttled { host, retry_after_seconds })
            }
            status @ 500.. => Err(Error::Server { host, status }),
            status => Err(Error::NotHandedOut { host, status, setting }),
        }
    }
}

fn create(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// How long things may take.
struct Limits {
    /// From the question to the whole answer of the API, or to the beginning of a download.
    answer: Duration,
    /// Between two pieces of a download.
    pause: Duration,
    /// Bytes a second that a download must bring on the whole.
    rate_min: u64,
    /// Between two requests.
    pace: Duration,
}

impl Default for Limits {
    /// 45 s and one request a second are what Shadowserver's own programs keep to. At 16 KiB a second, the slowest
    /// line that an ISP may have, the largest report takes 36 hours.
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(45),
            pause: Duration::from_secs(60),
            rate_min: 16 * 1024,
            pace: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// The next piece of a download that began then and of which so much has come.
    async fn more(
        &self,
        site: &Site,
        response: &mut Response,
        buffer: &mut Vec<u8>,
        began: Instant,
        received: u64,
    ) -> Result<Option<u64>, Error> {
        // A server that sends a byte now and then must end, too.
        let earned = Duration::from_secs(received / self.rate_min);
        let deadline = began + self.answer + self.pause + earned;
        let next = site.within(self.pause, site.more(response, buffer));
        timeout_at(deadline, next)
            .await
            .unwrap_or_else(|_| Err(site.timed_out(deadline.duration_since(began))))
    }
}

/// One address from the settings, and the way to it.
struct Site {
    http: reqwest::Client,
    /// That of Shadowserver ends with a slash.
    base: String,
    host: String,
}

impl Site {
    fn new(setting: &str, base: &str, tls: &rustls::ClientConfig) -> Result<Self, Error> {
        let unusable = |why: &dyn fmt::Display| Error::Settings { what: format!("{setting}: {why}") };
        let url = Url::parse(base).map_err(|e| unusable(&e))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let plain = match url.scheme() {
            "http" => true,
            "https" => false,
            _ => return Err(unusable(&"write an address with https://")),
        };
        // An address in place of a name never comes to the resolver.
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if plain && literal.is_ok_and(|address| !is_private(address)) {
            return Err(Error::Insecure { host });
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(SystemResolver { private_only: plain })
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .user_agent(concat!("abusebox/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(POOL_IDLE)
            .build()
            .map_err(|e| unusable(&e))?;
        Ok(Self { http, base: base.to_owned(), host })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        request.send().await.map_err(|e| self.failed(e))
    }

    /// Reads the next piece of an answer, some bytes to a few hundred KiB, and says how long it was.
    async fn more(&self, response: &mut Response, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        let chunk = response.chunk().await.map_err(|e| self.failed(e))?;
        Ok(chunk.map(|chunk| {
            buffer.extend_from_slice(&chunk);
            chunk.len() as u64
        }))
    }

    async fn whole(&self, response: &mut Response, body: &mut Vec<u8>) -> Result<(), Error> {
        while self.more(response, body).await?.is_some() {
            if body.len() > api::ANSWER_BYTES_MAX {
                let what = format!("the answer of {}", self.host);
                return Err(Error::TooLarge { what, bytes_max: api::ANSWER_BYTES_MAX as u64 });
            }
        }
        Ok(())
    }

    /// Lets a step take so long and no longer.
    async fn within<T>(
        &self,
        limit: Duration,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout(limit, step).await.unwrap_or_else(|_| Err(self.timed_out(limit)))
    }

    fn timed_out(&self, limit: Duration) -> Error {
        Error::TimedOut { host: self.host.clone(), seconds: limit.as_secs() }
    }

    fn head<'a>(&'a self, response: &'a Response) -> Head<'a> {
        let header = |name| response.headers().get(name)?.to_str().ok();
        Head {
            host: &self.host,
            status: response.status().as_u16(),
            retry_after: header(RETRY_AFTER),
            date: header(DATE),
            location: header(LOCATION),
        }
    }

    /// Finds out what went wrong below HTTP. The error's own text is not used: the address in it holds the id.
    fn failed(&self, error: reqwest::Error) -> Error {
        let host = self.host.clone();
        let mut deepest = String::new();
        let mut next = error.source();
        while let Some(cause) = next {
            if cause.is::<NotPrivate>() {
                return Error::Insecure { host };
            }
            deepest = cause.to_string();
            if cause.is::<rustls::Error>() {
                return Error::Tls { host, detail: deepest };
            }
            // An I/O error names as its source not the error in it, but that one's source.
            next = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => cause.source(),
            };
        }
        if error.is_connect() {
            return Error::Unreachable { host, detail: deepest };
        }
        Error::Cut { host }
    }
}

/// Resolves like every other program of the box; for plain `http://` it gives private addresses or none at all.
/// What it gives is what is connected to, so a name cannot change in between.
struct SystemResolver {
    private_only: bool,
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_only = self.private_only;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if private_only && !found.iter().all(|address| is_private(address.ip())) {
                return Err(NotPrivate.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not in a private network")]
struct NotPrivate;

fn tls(extra_ca: &[Vec<u8>]) -> Result<rustls::ClientConfig, Error> {
    let unusable = |why: &dyn fmt::Display| Error::Settings { what: format!("trust.extra_ca: {why}") };
    let roots = roots(extra_ca).map_err(|why| unusable(&why))?;
    let mut tls =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// Does disk work on a thread of its own, so that a slow card does not stop everything else.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    // Only the end of the runtime cancels it, and that ends this task as well.
    done.unwrap_or_else(|stopped| std::panic::resume_unwind(stopped.into_panic()))
}

/// Until the first byte: some systems write all of an export before they send it.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(300);
/// To a log-in, to a file: honest ones need two.
const REDIRECTS_MAX: usize = 4;
/// How much of a download is gathered before it goes to the disk.
const WRITE_BYTES: usize = 256 * 1024;
/// Longer than between two reports, shorter than between two passes.
const POOL_IDLE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_200_000);
    const ID: &str = "xNDSuwXrKnrLrDopU926?-_";
    const CSV: &str = "timestamp,ip\n2026-11-20 00:00:00,192.0.2.1\n";

    /// A server that gives every connection the same answer.
    struct Server {
        port: u16,
        requests: mpsc::UnboundedReceiver<String>,
    }

    /// Sends `answer`; with a pause, byte by byte for ever.
    async fn serve(answer: impl Into<Vec<u8>>, pause: Option<Duration>, tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::unbounded_channel();
        let answer: Arc<[u8]> = answer.into().into();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, answer, tls) = (sender.clone(), answer.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, &answer, pause, &sender).await,
                        // A client that does not trust the certificate ends here.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => talk(stream, &answer, pause, &sender).await,
                            Err(_) => Ok(()),
                        },
                    }
                });
            }
        });
        Server { port, requests }
    }

    async fn talk(
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        answer: &[u8],
        pause: Option<Duration>,
        requests: &mpsc::UnboundedSender<String>,
    ) -> std::io::Result<()> {
        let mut request = String::new();
        let whole = |request: &str| {
            let (head, body) = request.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            (body.len() >= length.map_or(0, |text| text.parse().unwrap())).then_some(())
        };
        while whole(&request).is_none() {
            request.push(stream.read_u8().await?.into());
        }
        requests.send(request).unwrap();
        stream.write_all(answer).await?;
        while let Some(pause) = pause {
            tokio::time::sleep(pause).await;
            stream.write_all(b"a").await?;
        }
        stream.shutdown().await
    }

    fn answer(status: &str, headers: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
    }

    fn settings(base: &str) -> Shadowserver {
        Shadowserver {
            key: Secret("test-key".to_owned()),
            secret: Secret("test-secret".to_owned()),
            api_url: base.to_owned(),
            download_url: base.to_owned(),
            schema_url: base.to_owned(),
            reports: vec!["company".to_owned()],
            poll_minutes: 60,
        }
    }

    fn client(base: &str) -> Client {
        let mut client = Client::new(&settings(base), &[]).unwrap();
        client.limits.pace = Duration::from_millis(1);
        client
    }

    async fn list(answer: impl Into<Vec<u8>>) -> Result<Listing, Error> {
        let server = serve(answer, None, None).await;
        client(&format!("http://127.0.0.1:{}/", server.port)).list(NOW.day()).await
    }

    async fn download_from(client: &Client) -> Result<(Spooled, Vec<u8>), Error> {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path()).unwrap();
        let result = client.download(&ReportId::new(ID).unwrap(), "a.csv", &spool, NOW).await;
        let left = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, usize::from(result.is_ok()), "a failure leaves nothing behind");
        let spooled = result?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut super::super::spool::open(&spooled.path)?, &mut bytes).unwrap();
        Ok((spooled, bytes))
    }

    async fn download(answer: impl Into<Vec<u8>>) -> Result<(Spooled, Vec<u8>), Error> {
        let server = serve(answer, None, None).await;
        download_from(&client(&format!("http://127.0.0.1:{}/", server.port))).await
    }

    #[tokio::test]
    async fn questions_are_signed_and_answers_read() {
        let listed = answer("200 OK", "", r#"[{"id":"a","file":"a.csv"}]"#);
        let mut server = serve(listed, None, None).await;
        // A name, so that it goes through the resolver.
        let client = client(&format!("http://localhost:{}/api2/", server.port));
        assert_eq!(client.list(NOW.day()).await.unwrap().reports[0].file, "a.csv");
        let request = server.requests.recv().await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let signed =
            api::sign(&Ask::List { day: NOW.day(), reports: &client.reports }, &client.key, &client.secret);
        assert!(head.starts_with("POST /api2/reports/list HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nhmac2: {}\r\n", signed.hmac2)), "{head}");
        assert!(head.contains(concat!("user-agent: abusebox/", env!("CARGO_PKG_VERSION"))), "{head}");
        assert_eq!(body, signed.body);

        assert!(matches!(client.ping().await, Err(Error::NotJson { .. })));
        assert!(server.requests.recv().await.unwrap().starts_with("POST /api2/test/ping "));
        assert_eq!(client.subscribed().await.unwrap(), [""; 0]);
        assert!(server.requests.recv().await.unwrap().starts_with("POST /api2/reports/subscribed "));
        client.types(NOW.day()).await.unwrap();
        assert!(server.requests.recv().await.unwrap().starts_with("POST /api2/reports/types "));
    }

    #[tokio::test]
    async fn every_fault_of_the_api_has_its_error() {
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n[".to_owned();
        let cut_chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n[".to_owned();
        let cases = [
            (answer("401 Unauthorized", "", r#"{"error":"x"}"#), "Shadowserver refuses the key (HTTP 401)"),
            ("HTTP/1.1 401 No\r\ncontent-length: 999\r\n\r\n{".to_owned(), "Shadowserver refuses the key"),
            (answer("429 Slow", "retry-after: 120\r\n", ""), "127.0.0.1 asks to be left alone"),
            (answer("503 Down", "", "<html>"), "127.0.0.1 has a fault of its own (HTTP 503)"),
            (answer("404 Not Found", "", ""), "127.0.0.1 does not know"),
            (
                answer("302 Found", "location: https://portal.example/x\r\n", ""),
                "127.0.0.1 sends us on to https://portal.example,",
            ),
            (answer("200 OK", "", "<html>hello"), "127.0.0.1 answers with a web page"),
            (
                answer("200 OK", "", r#"{"error":"x test-key"}"#),
                "127.0.0.1 answers with an error (HTTP 200): x ***",
            ),
            (answer("200 OK", "", r#"[{"id""#), "the answer of 127.0.0.1 ends in the middle"),
            (answer("200 OK", "", ""), "127.0.0.1 answers with nothing"),
            (cut, "the answer of 127.0.0.1 ends in the middle"),
            (cut_chunk, "the answer of 127.0.0.1 ends in the middle"),
            (String::new(), "the answer of 127.0.0.1 ends in the middle"),
            (
                answer("200 OK", "", &" ".repeat(api::ANSWER_BYTES_MAX + 1)),
                "the answer of 127.0.0.1 is larger",
            ),
        ];
        for (answer, message) in cases {
            let error = list(answer).await.unwrap_err();
            assert!(error.to_string().starts_with(message), "{message}: {error}");
        }
        assert_eq!(list(answer("200 OK", "", "{}")).await.unwrap(), Listing::default());
        let throttled = list(answer("429 Slow", "retry-after: 120\r\n", "")).await;
        assert!(matches!(throttled, Err(Error::Throttled { retry_after_seconds: Some(120), .. })));
    }

    #[tokio::test]
    async fn a_report_comes_into_the_spool() {
        let mut server = serve(answer("200 OK", "", CSV), None, None).await;
        let client = client(&format!("http://127.0.0.1:{}/", server.port));
        let (spooled, bytes) = download_from(&client).await.unwrap();
        assert_eq!((bytes, spooled.bytes), (CSV.as_bytes().to_vec(), CSV.len() as u64));
        let request = server.requests.recv().await.unwrap();
        assert!(request.starts_with(&format!("GET /{ID} HTTP/1.1\r\n")), "the id is not escaped: {request}");
        let large = CSV.repeat(50_000);
        assert_eq!(download(answer("200 OK", "", &large)).await.unwrap().1, large.as_bytes());
        let chunked = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{CSV}\r\n0\r\n\r\n",
            CSV.len()
        );
        assert_eq!(download(chunked).await.unwrap().1, CSV.as_bytes());
    }

    #[tokio::test]
    async fn every_fault_of_a_download_has_its_error() {
        let cases = [
            (answer("404 Not Found", "", ""), "127.0.0.1 does not hand out report a.csv (HTTP 404)"),
            (answer("503 Down", "", ""), "127.0.0.1 has a fault"),
            (answer("429 Slow", "", ""), "127.0.0.1 asks to be left alone"),
            (answer("301 Moved", &format!("location: /login?{ID}\r\n"), ""), "127.0.0.1 sends us on"),
            (answer("200 OK", "", ""), "report a.csv has no content"),
            (answer("200 OK", "", "\n<html>"), "a.csv is not a report"),
            (
                format!("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{CSV}"),
                "the answer of 127.0.0.1 ends in the middle",
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2147483649\r\n\r\n".to_owned(), "a.csv is larger"),
        ];
        for (answer, message) in cases {
            let error = download(answer).await.unwrap_err();
            assert!(error.to_string().starts_with(message), "{message}: {error}");
            assert!(!format!("{error:?} {error}").contains(ID));
        }
    }

    #[tokio::test]
    async fn a_slow_server_ends() {
        let mut waits = client("http://127.0.0.1/");
        waits.limits.answer = Duration::from_millis(300);
        waits.limits.pause = Duration::from_millis(300);
        waits.limits.rate_min = 1000;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n";
        let never = Duration::from_secs(3600);
        let drips = Duration::from_millis(20);
        for (sends, pause) in [("", never), (head, never), (head, drips)] {
            let server = serve(sends, Some(pause), None).await;
            let base = format!("http://127.0.0.1:{}/", server.port);
            (waits.api.base, waits.download.base) = (base.clone(), base);
            assert!(matches!(waits.list(NOW.day()).await, Err(Error::TimedOut { .. })), "{sends} {pause:?}");
            assert!(matches!(download_from(&waits).await, Err(Error::TimedOut { .. })), "{sends} {pause:?}");
        }
    }

    #[tokio::test]
    async fn requests_keep_their_pace() {
        let server = serve(answer("200 OK", "", "[]"), None, None).await;
        let mut client = client(&format!("http://127.0.0.1:{}/", server.port));
        client.limits.pace = Duration::from_millis(100);
        let began = Instant::now();
        for _ in 0..3 {
            client.list(NOW.day()).await.unwrap();
        }
        assert!(began.elapsed() >= Duration::from_millis(200));
    }

    #[tokio::test]
    async fn only_known_authorities_are_trusted() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let server = serve(answer("200 OK", "", "[]"), None, Some(TlsAcceptor::from(Arc::new(tls)))).await;
        let settings = settings(&format!("https://localhost:{}/", server.port));
        let client = Client::new(&settings, &[made.cert.pem().into_bytes()]).unwrap();
        client.list(NOW.day()).await.unwrap();
        let error = Client::new(&settings, &[]).unwrap().list(NOW.day()).await.unwrap_err();
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn plain_http_stays_within_private_networks() {
        for base in ["http://192.0.2.1/", "http://[2001:db8::1]/", "http://3221225985/"] {
            assert!(matches!(Client::new(&settings(base), &[]), Err(Error::Insecure { .. })), "{base}");
        }
        for base in ["http://10.0.0.1/", "http://[::1]:8080/", "https://192.0.2.1/"] {
            Client::new(&settings(base), &[]).unwrap();
        }
        let resolve =
            |private_only, name| SystemResolver { private_only }.resolve(Name::from_str(name).unwrap());
        assert!(resolve(true, "192.0.2.1").await.is_err_and(|e| e.is::<NotPrivate>()));
        assert!(resolve(true, "127.0.0.1").await.is_ok());
        assert!(resolve(false, "192.0.2.1").await.is_ok());

        /// A name server that knows one public address.
        struct Public;
        impl Resolve for Public {
            fn resolve(&self, _: Name) -> Resolving {
                SystemResolver { private_only: true }.resolve(Name::from_str("192.0.2.1").unwrap())
            }
        }
        let mut client = client("http://public.example/");
        client.api.http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&[]).unwrap())
            .dns_resolver(Public)
            .no_proxy()
            .build()
            .unwrap();
        assert!(
            matches!(client.list(NOW.day()).await, Err(Error::Insecure { host }) if host == "public.example")
        );
    }

    fn remote(port: u16, token: bool) -> Remote {
        Remote {
            url: Secret(format!("http://127.0.0.1:{port}/export.csv?key=hunter2")),
            login: (!token).then(|| ("crm".to_owned(), Secret("p: w".to_owned()))),
            token: token.then(|| Secret("t0ken".to_owned())),
        }
    }

    #[tokio::test]
    async fn what_operators_have_elsewhere_is_fetched_once() {
        let headers = "etag: \"v1\"\r\nlast-modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n";
        let mut server = serve(answer("200 OK", headers, CSV), None, None).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let getter = Getter::new("customers", &remote(server.port, false), &[]).unwrap();
        let version = getter.get(&Version::default(), &path, 1000).await.unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), CSV);
        let request = server.requests.recv().await.unwrap();
        assert!(request.starts_with("GET /export.csv?key=hunter2 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nauthorization: Basic Y3JtOnA6IHc=\r\n"), "{request}");
        assert!(!request.contains("if-none-match"), "{request}");
        // A larger one is given up, whether it says so or not.
        let error = getter.get(&version, &path, 10).await.unwrap_err().to_string();
        assert!(error.contains("larger than 10 bytes") && !error.contains("hunter2"), "{error}");
        let request = server.requests.recv().await.unwrap();
        assert!(request.contains("\r\nif-none-match: \"v1\"\r\n"), "{request}");
        assert!(request.contains("\r\nif-modified-since: Sun, 01 Nov 2026 00:00:00 GMT\r\n"), "{request}");
        let endless = serve(format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(100)), None, None).await;
        let getter = Getter::new("customers", &remote(endless.port, false), &[]).unwrap();
        assert!(matches!(getter.get(&version, &path, 10).await, Err(Error::TooLarge { .. })));

        let mut server = serve(answer("304 Not Modified", "", ""), None, None).await;
        let getter = Getter::new("customers", &remote(server.port, true), &[]).unwrap();
        assert_eq!(getter.get(&version, &path, 1000).await.unwrap(), None);
        assert!(server.requests.recv().await.unwrap().contains("\r\nauthorization: Bearer t0ken\r\n"));
    }

    #[tokio::test]
    async fn what_is_not_handed_out_is_said_with_its_setting_and_without_its_secrets() {
        let elsewhere = |to: &str| answer("302 Found", &format!("location: {to}\r\n"), "");
        for (answer, part) in [
            (answer("401 No", "", ""), "another user, password or token (HTTP 401): check them in customers"),
            (answer("404 No", "", ""), "does not hand it out (HTTP 404)"),
            (answer("500 No", "", ""), "a fault of its own (HTTP 500)"),
            (answer("503 No", "retry-after: 9\r\n", ""), "to be left alone"),
            (elsewhere("https://evil.example/hunter2"), "sends us on to https://evil.example,"),
            (elsewhere("/login?hunter2"), "sends us on to http://127.0.0.1,"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\na".to_owned(), "ends in the middle"),
        ] {
            let server = serve(answer, None, None).await;
            let getter = Getter::new("customers", &remote(server.port, false), &[]).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let got = getter.get(&Version::default(), &folder.path().join("file"), 1000).await;
            let error = got.unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
        let public = Remote { url: Secret("http://192.0.2.1/".to_owned()), ..remote(1, true) };
        assert!(matches!(Getter::new("customers", &public, &[]), Err(Error::Insecure { .. })));
    }

    #[tokio::test]
    async fn a_server_is_followed_by_https_within_itself_alone() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(config));
        // It sends on to itself for ever.
        let mut server = serve(answer("302 Found", "location: /other\r\n", ""), None, Some(tls)).await;
        let url = Secret(format!("https://localhost:{}/", server.port));
        let remote = Remote { url, ..remote(1, true) };
        let getter = Getter::new("customers", &remote, &[made.cert.pem().into_bytes()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let got = getter.get(&Version::default(), &folder.path().join("file"), 1000).await;
        assert!(matches!(got, Err(Error::SentOn { .. })), "{got:?}");
        assert!(server.requests.recv().await.unwrap().starts_with("GET / "));
        for _ in 0..REDIRECTS_MAX {
            let request = server.requests.recv().await.unwrap();
            assert!(request.starts_with("GET /other ") && request.contains("Bearer t0ken"), "{request}");
        }
        assert!(server.requests.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_question_goes_behind_what_the_url_asks() {
        let mut server = serve(answer("200 OK", "", "{}"), None, None).await;
        let getter = Getter::new("resolver", &remote(server.port, true), &[]).unwrap();
        let question = [("ip", "2001:db8::1"), ("time", "2026-11-20T00:00:00Z")];
        assert_eq!(getter.ask(&question, Duration::from_secs(5), 10).await.unwrap(), b"{}");
        let request = server.requests.recv().await.unwrap();
        let wanted =
            "GET /export.csv?key=hunter2&ip=2001%3Adb8%3A%3A1&time=2026-11-20T00%3A00%3A00Z HTTP/1.1";
        assert!(request.starts_with(wanted), "{request}");
        let silent = serve("HTTP/1.1 200 OK\r\n\r\n", Some(Duration::from_millis(10)), None).await;
        let getter = Getter::new("resolver", &self::remote(silent.port, true), &[]).unwrap();
        let asked = getter.ask(&question, Duration::from_millis(50), 1000).await;
        assert!(matches!(asked, Err(Error::TimedOut { .. })), "{asked:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_reached_or_used_is_said() {
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let error = client(&format!("http://127.0.0.1:{port}/")).list(NOW.day()).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
        for (base, complaint) in [("ftp://h/", "https://"), ("h", "shadowserver.api_url")] {
            let error = Client::new(&settings(base), &[]).err().unwrap().to_string();
            assert!(error.contains(complaint), "{error}");
        }
        let error = Client::new(&settings("https://h/"), &[b"no certificate".to_vec()]).err().unwrap();
        assert!(error.to_string().contains("trust.extra_ca"), "{error}");
    }
}
