//! From bytes to a plugin that can be called.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::bindings::{exports, inputs, log, types};
use crate::cache::{Cache, NoCache, Sha, hex, sha256};
use crate::compiler::{Compiler, translate};
use crate::contract::{self, Interfaces, ParserShape, Roles};
use crate::engine::engine;
use crate::error::{Call, HostError, PluginError, PluginErrorKind};
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::source::{ComponentBytes, PluginSource};
use crate::state::State;
use crate::ticker::Ticker;
use crate::wasi;

/// What a host is made with.
#[derive(Debug, Clone, Default)]
pub struct HostSettings {
    /// Folder for compiled components; `None`: compile at every start.
    pub cache: Option<PathBuf>,
    /// Of every call.
    pub limits: Limits,
}

/// Loads plugins. Cheap to clone; plugins keep what they need of it.
#[derive(Clone)]
pub struct PluginHost(Arc<Inner>);

struct Inner {
    engine: Engine,
    ticker: Ticker,
    limits: Limits,
    compiler: Compiler,
    linker: Linker<State>,
    /// `None` until the first component that has to be looked up: a folder is not made for nothing.
    folder: Option<PathBuf>,
    cache: std::sync::OnceLock<Option<Cache>>,
    notes: Mutex<Vec<String>>,
    /// By digest: two plugins of the same bytes are compiled and linked once, also at the same time.
    linked: Mutex<HashMap<Sha, Arc<OnceCell<Arc<Linked>>>>>,
}

impl fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHost").field("limits", &self.0.limits).field("folder", &self.0.folder).finish()
    }
}

/// A component, compiled, checked and linked: all but an instance.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<State>,
    pub(crate) roles: Roles,
    pub(crate) sha256: String,
    pub(crate) interfaces: Interfaces,
    pub(crate) plugin: exports::plugin::GuestIndices,
    pub(crate) parser: Option<exports::parser::GuestIndices>,
    pub(crate) packed_parser: Option<exports::packed_parser::GuestIndices>,
    pub(crate) framework: Option<exports::framework::GuestIndices>,
    pub(crate) policy: Option<exports::policy::GuestIndices>,
    pub(crate) reporter: Option<exports::reporter::GuestIndices>,
}

/// Native code of a component, in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precompiled {
    /// Bytes of it.
    pub code: usize,
    /// When it was made.
    pub done: Done,
}

/// When the cache got a component's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was there already.
    Before,
    /// Just now.
    Now,
}

/// Whose component it is, which decides how it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It came with the program.
    Program,
    /// From somebody else.
    Elsewhere,
}

impl Origin {
    const fn of(trusted: bool) -> Self {
        if trusted { Self::Program } else { Self::Elsewhere }
    }
}

impl PluginHost {
    /// Makes the engine. Nothing is read, written or started yet.
    ///
    /// # Errors
    /// When wasmtime cannot work on this machine.
    pub fn new(settings: HostSettings) -> Result<Self, HostError> {
        Self::with_compiler(settings, Compiler::available())
    }

    /// The same, where components from elsewhere are to be compiled in another way.
    ///
    /// # Errors
    /// When wasmtime cannot work on this machine.
    pub fn with_compiler(settings: HostSettings, compiler: Compiler) -> Result<Self, HostError> {
        let engine = engine()?;
        let mut linker = Linker::new(&engine);
        link(&mut linker).map_err(|e| HostError::Engine(e.to_string()))?;
        Ok(Self(Arc::new(Inner {
            ticker: Ticker::new(engine.clone()),
            engine,
            limits: settings.limits,
            compiler,
            linker,
            folder: settings.cache,
            cache: std::sync::OnceLock::new(),
            notes: Mutex::default(),
            linked: Mutex::default(),
        })))
    }

    /// Checks a component, compiles it or takes its code from the cache, links it and asks it what it is.
    ///
    /// # Errors
    /// Everything that makes the plugin unusable, named.
    pub async fn load(&self, source: PluginSource) -> Result<Plugin, PluginError> {
        self.load_within(source, *self.limits()).await
    }

    /// The same under other limits than the host's, which hold for every later call as well.
    ///
    /// # Errors
    /// Everything that makes the plugin unusable, named.
    pub async fn load_within(&self, source: PluginSource, limits: Limits) -> Result<Plugin, PluginError> {
        let label = source.label.clone();
        let failed = |kind| PluginError::new(&label, Call::Load, kind);
        source.check().map_err(failed)?;
        let linked = self.linked(source.bytes, Origin::of(source.trusted)).await.map_err(failed)?;
        Plugin::describe(self.clone(), label.clone(), linked, limits).await
    }

    /// Sees to it that the compiled code of a component is in the cache. Nothing of the component runs.
    ///
    /// # Errors
    /// What [`load`](Self::load) ends with, up to linking, and when the cache does not keep the code.
    pub async fn precompile(&self, source: PluginSource) -> Result<Precompiled, PluginError> {
        let label = source.label.clone();
        let failed = |kind| PluginError::new(&label, Call::Load, kind);
        source.check().map_err(failed)?;
        let (digest, bytes) = digest(source.bytes).await.map_err(failed)?;
        let (host, origin) = (self.clone(), Origin::of(source.trusted));
        blocking(move || host.0.precompile(&digest, &bytes, origin)).await.map_err(failed)
    }

    /// Things about the cache that a reader of the report should know: sentences.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        lock(&self.0.notes).clone()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }

    /// Of calls for which no others were asked.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Hashing, reading, compiling: none of it on a thread of the async runtime.
    async fn linked(&self, bytes: ComponentBytes, origin: Origin) -> Result<Arc<Linked>, PluginErrorKind> {
        let (digest, bytes) = digest(bytes).await?;
        let cell = Arc::clone(lock(&self.0.linked).entry(digest).or_default());
        let make = || async {
            let host = self.clone();
            blocking(move || host.0.obtain(&digest, &bytes, origin).map(Arc::new)).await
        };
        cell.get_or_try_init(make).await.cloned()
    }
}

impl Inner {
    fn obtain(
        &self,
        digest: &Sha,
        bytes: &ComponentBytes,
        origin: Origin,
    ) -> Result<Linked, PluginErrorKind> {
        if let Some((component, _)) = self.cached(digest) {
            return self.link(&component, digest);
        }
        let (linked, code) = self.compiled(digest, bytes, origin)?;
        if let Some(Err(error)) = self.cache().map(|cache| cache.store(digest, &code)) {
            self.note(format!("a compiled plugin could not be kept: {error}"));
        }
        Ok(linked)
    }

    fn precompile(
        &self,
        digest: &Sha,
        bytes: &ComponentBytes,
        origin: Origin,
    ) -> Result<Precompiled, PluginErrorKind> {
        let cache = self.cache().ok_or_else(|| {
            PluginErrorKind::NotKept(
                lock(&self.notes).first().cloned().unwrap_or_else(|| "there is no cache".into()),
            )
        })?;
        if let Some((component, code)) = self.cached(digest) {
            self.link(&component, digest)?;
            return Ok(Precompiled { code, done: Done::Before });
        }
        let (_, code) = self.compiled(digest, bytes, origin)?;
        cache.store(digest, &code).map_err(|e| PluginErrorKind::NotKept(e.to_string()))?;
        Ok(Precompiled { code: code.len(), done: Done::Now })
    }

    /// What does not fit the contract is an error, and not worth keeping.
    fn compiled(
        &self,
        digest: &Sha,
        bytes: &ComponentBytes,
        origin: Origin,
    ) -> Result<(Linked, Vec<u8>), PluginErrorKind> {
        let wasm = match bytes {
            ComponentBytes::Plain(wasm) => std::borrow::Cow::Borrowed(&**wasm),
            ComponentBytes::Packed(packed) => std::borrow::Cow::Owned(packed.bytes()?),
        };
        let code = match origin {
            Origin::Program => translate(&self.engine, &wasm)?,
            Origin::Elsewhere => self.compiler.compile(&self.engine, &wasm)?,
        };
        // SAFETY: `code` is what an engine of this very configuration compiled just now: this one, or that of a child
        // which this process started from its own program, and whose reply arrived whole, with the digest that the child
        // said.
        #[expect(unsafe_code, reason = "native code just compiled for this engine is loaded")]
        let component = unsafe { Component::deserialize(&self.engine, &code) };
        let component = component.map_err(|e| PluginErrorKind::Host(e.to_string()))?;
        Ok((self.link(&component, digest)?, code))
    }

    /// With the size of its code.
    fn cached(&self, digest: &Sha) -> Option<(Component, usize)> {
        let cache = self.cache()?;
        let code = cache.load(digest)?;
        // SAFETY: only this program writes entries, with code that an engine of the same compatibility (it is in the
        // entry's name) compiled; `load` saw that nobody but this user or root could have written file or folders,
        // and that the code has the digest it was written with. Whoever can forge that can replace this program.
        #[expect(unsafe_code, reason = "native code that this program compiled and kept is loaded")]
        let component = unsafe { Component::deserialize(&self.engine, &code) };
        match component {
            Ok(component) => Some((component, code.len())),
            Err(_) => {
                cache.forget(digest);
                None
            }
        }
    }

    fn cache(&self) -> Option<&Cache> {
        let open = || match Cache::open(self.folder.as_ref()?, &self.engine) {
            Ok(cache) => Some(cache),
            Err(NoCache(why)) => {
                self.note(why);
                None
            }
        };
        self.cache.get_or_init(open).as_ref()
    }

    fn note(&self, text: String) {
        let mut notes = lock(&self.notes);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    fn link(&self, component: &Component, digest: &Sha) -> Result<Linked, PluginErrorKind> {
        let ty = component.component_type();
        let checked = contract::check(&self.engine, &ty)?;
        let refused = |e: wasmtime::Error| PluginErrorKind::Link(crate::clean::line(&format!("{e:#}")));
        let pre = if checked.wasi {
            let mut linker = self.linker.clone();
            wasi::link(&mut linker).map_err(refused)?;
            wasi::refuse_sockets(&mut linker, &self.engine, &ty).map_err(refused)?;
            linker.instantiate_pre(component)
        } else {
            self.linker.instantiate_pre(component)
        };
        let interfaces = Interfaces::of(&self.engine, &ty);
        Linked::new(pre.map_err(refused)?, checked.roles, digest, interfaces).map_err(refused)
    }
}

impl Linked {
    fn new(
        pre: InstancePre<State>,
        roles: Roles,
        digest: &Sha,
        interfaces: Interfaces,
    ) -> wasmtime::Result<Self> {
        let parser = |shape| roles.parser == Some(shape);
        Ok(Self {
            plugin: exports::plugin::GuestIndices::new(&pre)?,
            parser: parser(ParserShape::Plain)
                .then(|| exports::parser::GuestIndices::new(&pre))
                .transpose()?,
            packed_parser: parser(ParserShape::Packed)
                .then(|| exports::packed_parser::GuestIndices::new(&pre))
                .transpose()?,
            framework: roles.framework.then(|| exports::framework::GuestIndices::new(&pre)).transpose()?,
            policy: roles.policy.then(|| exports::policy::GuestIndices::new(&pre)).transpose()?,
            reporter: roles.reporter.then(|| exports::reporter::GuestIndices::new(&pre)).transpose()?,
            pre,
            roles,
            sha256: hex(digest),
            interfaces,
        })
    }
}

fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<State, HasSelf<State>>(linker, |s| s)?;
    inputs::add_to_linker::<State, HasSelf<State>>(linker, |s| s)?;
    log::add_to_linker::<State, HasSelf<State>>(linker, |s| s)
}

async fn digest(bytes: ComponentBytes) -> Result<(Sha, ComponentBytes), PluginErrorKind> {
    match bytes {
        ComponentBytes::Plain(plain) => {
            blocking(move || Ok((sha256(&plain), ComponentBytes::Plain(plain)))).await
        }
        ComponentBytes::Packed(packed) => Ok((packed.sha256, ComponentBytes::Packed(packed))),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PluginErrorKind> + Send + 'static,
) -> Result<T, PluginErrorKind> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(PluginErrorKind::Host(e.to_string())))
}

/// What these locks guard is whole between any two statements, so that a panic elsewhere is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
