//! Shadowserver: what to ask and when, the API, the download to the spool.
