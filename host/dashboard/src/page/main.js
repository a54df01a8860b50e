// From the address to the page: reads what is asked for, draws it, and draws it anew when there is something new.
import { byId, el, keepPlace, say } from './dom.js';
import { overview } from './overview.js';
import { run, runs } from './runs.js';
import { address, chosenSeries, Documents, elsewhere, Missing, periodOf, readAddress } from './store.js';
import { test, tests } from './tests.js';
import { ago, number, PERIODS, time, visible } from './words.js';

/** Between questions whether there is anything new, in milliseconds; after failures twice as long each time, up to the second. */
const ASK_EVERY = 3000;
const ASK_AT_LEAST_EVERY = 30000;

/** After the last letter of a search, in milliseconds: drawing takes less, and nobody waits. */
const TYPED = 120;

const PAGES = { overview, tests, test, runs, run };
const FILTERS = ['repository', 'suite', 'branch', 'period'];

const documents = new Documents();
const content = byId('content');
const heights = new Map();
let drawing = 0;
let shown = null;
let failures = 0;

const asked = () => readAddress(location.hash);

/** Other filters on the page that is shown; `replace` leaves no step to go back to. */
function go(changes, { replace = false } = {}) {
  const { page, key, ask } = asked();
  const to = address(page, key, { ...ask, ...changes });
  if (to === location.hash) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  show({ keep: true });
}

function open(to) {
  history.pushState(null, '', to);
  show({});
}

function options(select, list, chosen) {
  const known = list.some(([value]) => value === chosen) ? list : [...list, [chosen, visible(chosen)]];
  select.replaceChildren(...known.map(([value, name]) => el('option', { value }, name)));
  select.value = chosen;
}

function showFilters(index, { page, ask }) {
  const series = index.series;
  const unique = (list) => [...new Set(list)].sort((a, b) => a.localeCompare(b, 'en'));
  const chosen = chosenSeries(index, { ...ask, suite: '' });
  const branches = new Map();
  for (const one of chosenSeries(index, ask)) for (const branch of one.branches) branches.set(branch.name, (branches.get(branch.name) || 0) + branch.runs);
  const leftOut = chosenSeries(index, ask).reduce((sum, one) => sum + one.branches_left_out, 0);
  options(byId('repository'), [['', 'All'], ...unique(series.map((one) => one.repository)).map((name) => [name, visible(name)])], ask.repository);
  options(byId('suite'), [['', 'All'], ...unique(chosen.map((one) => one.suite)).map((name) => [name, visible(name)])], ask.suite);
  const ordered = [...branches].sort(([a, m], [b, n]) => n - m || a.localeCompare(b, 'en'));
  options(byId('branch'), [['', leftOut > 0 ? `All, ${number(leftOut)} more too` : 'All'], ...ordered.map(([name, runs]) => [name, `${visible(name)} (${number(runs)})`])], ask.branch);
  options(byId('period'), index.periods.map((name) => [name, PERIODS[name] || name]), periodOf(index, ask, documents.version.as_of));
  const search = byId('search');
  if (document.activeElement !== search) search.value = ask.q;
  search.parentElement.hidden = !['tests', 'runs', 'run'].includes(page);
  search.placeholder = page === 'runs' ? 'Branch, commit, pull request' : 'Name or file';
  // A run is what it was, whatever is chosen.
  for (const name of FILTERS) byId(name).parentElement.hidden = page === 'run';
  byId('filters').hidden = series.length === 0;
}

function showNavigation({ page, ask }) {
  const own = { test: 'tests', run: 'runs' }[page] || page;
  for (const link of byId('pages').children) {
    link.href = elsewhere(link.dataset.page, '', ask);
    if (link.dataset.page === own) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  byId('home').href = elsewhere('overview', '', ask);
}

function showState() {
  const { version } = documents;
  const state = byId('state');
  if (!version) return;
  state.classList.toggle('lost', failures > 0);
  if (failures > 0) state.textContent = `No answer. What is shown is as of ${time(version.as_of)}`;
  else state.textContent = version.live ? `Live, ${time(version.as_of)}` : `As of ${time(version.as_of)}, ${ago(version.as_of, Date.now() / 1000)}`;
  state.dataset.stamp = version.stamp;
  byId('version').textContent = `flaky ${version.flaky_version}`;
}

const nothing = () => el('section', { class: 'empty' }, el('h1', { tabindex: -1 }, 'No runs yet'),
  el('p', {}, 'The history is empty. Runs are added to it when they end; this page shows them then.'));

function trouble(error) {
  const missing = error instanceof Missing;
  return { title: missing ? 'Not here' : 'No answer', content: el('section', { class: 'empty', role: 'alert' },
    el('h1', { tabindex: -1 }, missing ? 'Not here' : 'No answer'),
    el('p', {}, missing ? 'This history has no such thing, or only figures of it: it may be older than what is kept, or a test that never failed.' : visible(error.message)),
    el('p', {}, el('a', { href: '#/' }, 'To the overview'))) };
}

/** Draws what the address asks for. `keep` leaves the reader where they are; else the new page begins at its head, or at `y`. */
async function show({ keep = false, y = 0 }) {
  drawing += 1;
  const turn = drawing;
  const what = asked();
  let page;
  let index = null;
  try {
    index = await documents.index();
    page = index.series.length === 0 ? { title: 'No runs yet', content: nothing() } : await PAGES[what.page]({ documents, index, ...what, go, open });
  } catch (error) {
    page = trouble(error);
  }
  // Whoever asked later draws.
  if (turn !== drawing) return;
  const first = shown === null;
  const same = keep && shown === `${what.page}/${what.key}`;
  const back = same ? keepPlace(content) : null;
  content.replaceChildren(el('div', { class: `page ${what.page}` }, page.content));
  for (const box of content.querySelectorAll('.end')) box.scrollLeft = box.scrollWidth;
  shown = `${what.page}/${what.key}`;
  document.title = `${page.title} · flaky`;
  showNavigation(what);
  if (index) showFilters(index, what);
  showState();
  const told = content.querySelector('.shown');
  if (back) {
    back();
    if (told) say(told.textContent);
  } else {
    scrollTo(0, y);
    // Nobody's focus is taken away on the first page: there it would skip the head.
    if (!first) content.querySelector('h1')?.focus({ preventScroll: true });
    say(page.title);
  }
  heights.set(location.hash, scrollY);
  document.documentElement.dataset.ready = String(turn);
}

async function look() {
  try {
    const first = !documents.version;
    const changed = await documents.refresh();
    failures = 0;
    if (changed) {
      await show({ keep: !first });
      if (!first) say(`New runs: ${byId('state').textContent}`);
    } else {
      showState();
    }
  } catch (error) {
    failures += 1;
    if (!documents.version) content.replaceChildren(el('div', { class: 'page' }, trouble(error).content));
    showState();
  }
}

async function watch() {
  await look();
  const again = () => {
    if (documents.version && !documents.version.live) return;
    const wait = Math.min(ASK_AT_LEAST_EVERY, ASK_EVERY * 2 ** Math.min(failures, 10));
    setTimeout(async () => {
      // Nobody looks: what is new is asked for when somebody does.
      if (!document.hidden) await look();
      again();
    }, wait);
  };
  again();
  document.addEventListener('visibilitychange', () => { if (!document.hidden && documents.version?.live) look(); });
}

function listen() {
  for (const name of FILTERS) {
    byId(name).addEventListener('change', (event) => {
      // A suite or a branch of another repository would show nothing.
      const less = { repository: { suite: '', branch: '' }, suite: { branch: '' } }[name] || {};
      go({ ...less, [name]: event.target.value, page: '1' });
    });
  }
  let typed = null;
  byId('search').addEventListener('input', (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => go({ q: event.target.value, page: '1' }, { replace: true }), TYPED);
  });
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault();
    content.focus();
  });
  let stepping = false;
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#/"]');
    stepping = link !== null && link.hash !== location.hash;
  }, true);
  addEventListener('popstate', () => {
    // A link leads to the head of a page; going back leads to where the reader was.
    const y = stepping ? 0 : heights.get(location.hash) || 0;
    stepping = false;
    byId('search').value = asked().ask.q;
    show({ y });
  });
  addEventListener('scroll', () => heights.set(location.hash, scrollY), { passive: true });
}

/** The address that lets in is not left in the history of the browser: a cookie has its token now. */
function forgetToken() {
  if (new URLSearchParams(location.search).has('token')) history.replaceState(null, '', location.pathname + location.hash);
}

history.scrollRestoration = 'manual';
forgetToken();
listen();
watch();
