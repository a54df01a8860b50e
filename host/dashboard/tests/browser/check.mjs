// Uses the dashboard in Chromium as people do, and prints what it saw as JSON. Arguments: the folder of node_modules, and
// orders as JSON. A line `{"add": RUN}` asks for a run to be added; a line comes back when it was.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [modules, given] = process.argv.slice(2);
const orders = JSON.parse(given);
const require = createRequire(path.join(modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const pictures = process.env.FLAKY_SCREENSHOTS;
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function add(run) {
  console.log(JSON.stringify({ add: run }));
  await answers.next();
}

/** Serves the export below a path, as GitHub Pages does. */
async function host(folder) {
  const kinds = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml' };
  const server = createServer((request, response) => {
    const asked = decodeURIComponent(new URL(request.url, 'http://x').pathname).replace(/^\/team\/flaky\//, '');
    try {
      const file = asked === '' ? 'index.html' : asked;
      const body = readFileSync(path.join(folder, path.normalize(`/${file}`)));
      response.writeHead(200, { 'Content-Type': kinds[path.extname(file)] || 'text/plain' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return { url: `http://127.0.0.1:${server.address().port}/team/flaky/`, close: () => { server.close(); server.closeAllConnections(); } };
}

/** Milliseconds: the machine may have much else to do. */
const PATIENCE = 120000;

const launch = () => chromium.launchPersistentContext(mkdtempSync(path.join(tmpdir(), 'flaky-browser-')), {
  executablePath: process.env.FLAKY_CHROMIUM || '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  viewport: { width: 1280, height: 900 },
});

let loads = 0;

/** Everything that a page must not do. */
function watch(page, errors, base) {
  const { origin } = new URL(base);
  page.on('pageerror', (error) => errors.push(`error: ${error.message}`));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(`console: ${message.text()}`); });
  page.on('dialog', (dialog) => { errors.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith(origin)) errors.push(`request: ${request.url()}`); });
  page.on('popup', () => errors.push('popup'));
}

/** What is drawn is drawn for the address that is asked for now. */
async function settled(page, action) {
  const before = await page.evaluate(() => document.documentElement.dataset.ready || '0');
  await action();
  await page.waitForFunction((ready) => (document.documentElement.dataset.ready || '0') !== ready, before);
}

/** Loads the page anew: with another query, since another fragment alone is a step within it. */
async function open(page, base, hash) {
  loads += 1;
  await page.goto(`${base}?load=${loads}${hash}`, { waitUntil: 'commit' });
  await page.waitForFunction(() => document.documentElement.dataset.ready);
}

/** In the dark only colours are others. */
async function findings(page, colours = false) {
  await page.evaluate(axe);
  const rules = colours ? { runOnly: ['color-contrast'] } : {};
  const result = await page.evaluate((more) => globalThis.axe.run(document, { resultTypes: ['violations'], ...more }), rules);
  return result.violations
    .filter((violation) => ['serious', 'critical'].includes(violation.impact))
    .map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`).join(' | ')}`);
}

const picture = async (page, name, full = false) => {
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: full });
};

/** The address of the page of the first test that a search finds. */
async function keyOf(page, base, text) {
  await open(page, base, `#/tests?show=all&period=all&q=${encodeURIComponent(text)}`);
  return page.locator('.c-name a').first().getAttribute('href');
}

/** Every page, in light, dark and on a phone. */
async function look(context, name, base, addresses) {
  const errors = [];
  const found = [];
  const wider = [];
  const page = await context.newPage();
  watch(page, errors, base);
  for (const [place, hash] of Object.entries(addresses)) {
    process.stderr.write(`${name} ${place}\n`);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1280, height: 900 });
      await open(page, base, hash);
      await picture(page, `${name}-${place}-${colorScheme}`, true);
      await page.evaluate(() => document.querySelectorAll('main details').forEach((details) => { details.open = true; }));
      found.push(...(await findings(page, colorScheme === 'dark')).map((finding) => `${place}, ${colorScheme}: ${finding}`));
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 360, height: 740 });
    await open(page, base, hash);
    await picture(page, `${name}-${place}-phone`, true);
    await page.evaluate(() => document.querySelectorAll('main details').forEach((details) => { details.open = true; }));
    found.push(...(await findings(page)).map((finding) => `${place}, phone: ${finding}`));
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wider.push(place);
  }
  const pwned = await page.evaluate(() => 'pwned' in globalThis);
  await page.close();
  return { errors, axe: found, wider, pwned };
}

const count = (page) => page.locator('.shown').first().getAttribute('data-count').then(Number);

/** Chooses each filter by its control; gives how many tests are listed, and the address of each. */
async function filters(context) {
  const page = await context.newPage();
  const counts = {};
  const links = {};
  const begin = () => open(page, orders.served, '#/tests?period=all');
  const note = async (name) => {
    counts[name] = await count(page);
    links[name] = await page.evaluate(() => location.hash);
  };
  const choose = (id, value) => settled(page, () => page.locator(`#${id}`).selectOption(value));
  const steps = {
    repository: () => choose('repository', 'gitlab.com/shop/group/pay'),
    suite: () => choose('suite', 'browser'),
    branch: () => choose('branch', 'feature/<b>checkout</b>'),
    period: () => choose('period', 'week'),
    search: () => settled(page, () => page.locator('#search').fill('STOCK.py test_')),
    together: async () => {
      await choose('repository', 'github.com/shop/cart');
      await choose('suite', 'unit');
      await choose('branch', 'main');
      await choose('period', 'month');
      await settled(page, () => page.locator('#search').fill('mail'));
    },
  };
  for (const show of ['flaky', 'broken', 'recovered', 'clean', 'all']) steps[show] = () => settled(page, () => page.locator(`[data-k="show-${show}"]`).click());
  await begin();
  await note('nothing');
  for (const [name, step] of Object.entries(steps)) {
    await begin();
    await step();
    await note(name);
  }
  // The same addresses, opened by somebody else.
  const linked = {};
  for (const [name, hash] of Object.entries(links)) {
    await open(page, orders.served, hash);
    linked[name] = await count(page);
  }
  await page.close();
  return { counts, linked, links };
}

async function goBack(context) {
  const page = await context.newPage();
  await open(page, orders.served, '#/?period=all');
  const addresses = [];
  const note = async () => addresses.push(await page.evaluate(() => location.hash));
  await note();
  await settled(page, () => page.locator('[data-page=tests]').click());
  await settled(page, () => page.locator('[data-k="show-all"]').click());
  await settled(page, () => page.locator('#search').fill('order'));
  await page.locator('#search').fill('');
  await page.waitForFunction(() => !location.hash.includes('q='));
  await settled(page, () => page.locator('#search').fill('order'));
  await page.setViewportSize({ width: 1280, height: 300 });
  await page.evaluate(() => scrollTo(0, 90));
  await page.waitForFunction(() => scrollY === 90);
  await note();
  await settled(page, () => page.locator('.c-name a').first().click());
  await note();
  const top = await page.evaluate(() => scrollY === 0 && document.activeElement.tagName === 'H1');
  await settled(page, () => page.goBack());
  await note();
  const scrolled = top && await page.evaluate(() => scrollY === 90);
  const typed = await page.locator('#search').inputValue();
  await settled(page, () => page.goBack());
  await settled(page, () => page.goBack());
  await note();
  await page.close();
  return { addresses, scrolled, typed };
}

/** Text of every page, without what the time of asking decides. */
async function texts(context, base, addresses) {
  const page = await context.newPage();
  const all = {};
  for (const hash of addresses) {
    await open(page, base, hash);
    all[hash] = await page.evaluate(() => {
      document.querySelector('#quarantine')?.closest('section').remove();
      const links = [...document.querySelectorAll('main a')].map((link) => link.getAttribute('href'));
      return `${document.title}\n${document.querySelector('main').innerText}\n${links.join('\n')}\n${document.querySelector('main').querySelectorAll('rect').length}`;
    });
  }
  await page.close();
  return all;
}

async function live(context) {
  const page = await context.newPage();
  await page.setViewportSize({ width: 1280, height: 400 });
  await open(page, orders.served, '#/tests?period=all');
  const before = await count(page);
  await page.locator('[data-k="sort-last"]').focus();
  await page.evaluate(() => scrollTo(0, 120));
  const stamp = await page.locator('#state').getAttribute('data-stamp');
  // A question that brings nothing new draws nothing.
  const drawn = await page.evaluate(() => document.documentElement.dataset.ready);
  await page.waitForResponse((response) => response.url().endsWith('version.json'));
  const quiet = await page.evaluate((ready) => document.documentElement.dataset.ready === ready, drawn);
  const fresh = (old) => page.waitForFunction((known) => document.querySelector('#state').dataset.stamp !== known && document.documentElement.dataset.ready, old);
  await settled(page, () => add('late-1'));
  await fresh(stamp);
  const after = await count(page);
  const focus = await page.evaluate(() => document.activeElement.dataset.k);
  const scroll = await page.evaluate(() => scrollY === 120);
  const row = page.locator('.c-name a', { hasText: 'test_order' }).first();
  await settled(page, () => row.click());
  await page.locator('.attempts summary').first().click();
  await settled(page, () => add('late-2'));
  const kept = await page.evaluate(() => document.querySelector('details.attempts[open]') !== null);
  // Without the server the page says so, and finds it again.
  await context.route('**/version.json', (route) => route.abort());
  await page.waitForFunction(() => document.querySelector('#state').classList.contains('lost'));
  const lost = (await page.locator('#state').textContent()).startsWith('No answer');
  await context.unroute('**/version.json');
  await page.waitForFunction(() => !document.querySelector('#state').classList.contains('lost'), null, { timeout: PATIENCE });
  const found = (await page.locator('#state').textContent()).startsWith('Live');
  await page.close();
  return { before, after, focus, scroll, open: kept, quiet, lost, found };
}

async function keys(context) {
  const page = await context.newPage();
  await open(page, orders.served, '#/tests?period=all');
  await page.keyboard.press('Tab');
  const skip = await page.evaluate(() => document.activeElement.id === 'skip' && document.activeElement.getBoundingClientRect().left >= 0);
  await page.keyboard.press('Enter');
  const main = await page.evaluate(() => document.activeElement.id === 'content');
  const active = () => page.evaluate(() => document.activeElement.dataset.k);
  for (let at = 0; at < 40 && await active() !== 'sort-test'; at += 1) await page.keyboard.press('Tab');
  await settled(page, () => page.keyboard.press('Enter'));
  const sorted = await page.locator('th', { has: page.locator('[data-k="sort-test"]') }).getAttribute('aria-sort');
  const again = await active();
  for (let at = 0; at < 40 && !(await page.evaluate(() => document.activeElement.matches('.c-name a'))); at += 1) await page.keyboard.press('Tab');
  await settled(page, () => page.keyboard.press('Enter'));
  const head = await page.evaluate(() => document.activeElement.tagName === 'H1');
  await page.close();
  return { skip, main, sorted, again, head };
}

/** Names that would like to be more than text, on every page that shows them; and a break-in that the policy has to stop. */
async function hostile(context) {
  const page = await context.newPage();
  const errors = [];
  watch(page, errors, orders.served);
  const run = await (await fetch(`${orders.served}data/run/unit-3.json`)).json();
  const hrefs = new Map(run.failing.filter((test) => orders.hostile.includes(test.id)).map((test) => [test.id, `#/test/${test.key}?period=all`]));
  let seen = 0;
  let links = 0;
  let marks = false;
  for (const [id, href] of hrefs) {
    await open(page, orders.served, href);
    const name = await page.locator('h1').textContent();
    const shown = id.replaceAll(/[\u202e\u2066]/g, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
    if (name === shown) seen += 1;
    else errors.push(`${name.slice(0, 80)} instead of ${shown.slice(0, 80)}`);
    if (name.includes('\\u{202e}')) marks = true;
    links += await page.locator('a[href^="javascript:" i], a[href^="data:" i]').count();
    await page.mouse.move(200, 300);
  }
  for (const hash of ['#/run/unit-3', '#/tests?period=all', '#/run/changed-1']) await open(page, orders.served, hash);
  links += await page.locator('a[href^="javascript:" i]').count();
  const pwned = await page.evaluate(() => 'pwned' in globalThis) || errors.length > 0;
  const broken = await page.evaluate(async () => {
    const script = document.createElement('script');
    try { script.textContent = 'globalThis.brokenIn = 1'; } catch { /* the policy says so already here */ }
    document.body.append(script);
    try { document.body.insertAdjacentHTML('beforeend', '<img src=x: onerror="globalThis.brokenIn = 2">'); } catch { /* the same */ }
    try { await fetch('https://evil.example/'); globalThis.brokenIn = 3; } catch { /* the same */ }
    await new Promise((done) => { setTimeout(done, 200); });
    return 'brokenIn' in globalThis;
  });
  await page.close();
  if (errors.length > 0) process.stderr.write(`${errors.join('\n')}\n`);
  return { seen, links, pwned, broken, marks };
}

async function guarded(context) {
  const page = await context.newPage();
  await page.goto(orders.guarded);
  await page.waitForFunction(() => document.documentElement.dataset.ready);
  const shown = await page.locator('.tiles').count() === 1;
  const address = !(await page.evaluate(() => location.href)).includes('token');
  const cookie = (await page.evaluate(() => document.cookie)) === '';
  const stranger = (await fetch(orders.guarded.split('?')[0])).status;
  await page.reload();
  const again = await page.locator('.tiles').waitFor().then(() => true);
  await page.close();
  return { page: shown && again, address, cookie, stranger };
}

/** Five thousand tests: listed, searched, sorted, turned. What is kept is the CPU time of the page, in seconds: how long it takes
 * by the clock is decided by what else the machine does. */
async function large(context) {
  const page = await context.newPage();
  const client = await context.newCDPSession(page);
  await client.send('Performance.enable');
  const spent = async () => (await client.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'ProcessTime').value;
  await open(page, orders.large, '#/tests?show=all&period=all');
  const all = await count(page);
  const before = await spent();
  await settled(page, () => page.locator('[data-k="sort-test"]').click());
  await settled(page, () => page.locator('[data-k="page-next"]').click());
  await settled(page, () => page.locator('#search').fill('test_case_04321'));
  const cpu = await spent() - before;
  const found = await page.locator('.shown').first().textContent();
  await page.close();
  return { count: all, found, cpu };
}

async function empty(context) {
  const page = await context.newPage();
  await open(page, orders.empty, '');
  const said = await page.locator('h1').textContent();
  await picture(page, 'empty');
  await page.close();
  return said;
}

/** Says on standard error how far it is: on a busy machine this takes minutes. */
async function step(name, work) {
  process.stderr.write(`${name}\n`);
  return work();
}

const context = await launch();
context.setDefaultTimeout(PATIENCE);
const exported = await host(orders.exported);
const finder = await context.newPage();
const order = await keyOf(finder, orders.served, 'test_order');
const broken = await keyOf(finder, orders.served, 'test_stock');
await finder.close();
const addresses = { overview: '#/?period=all', tests: '#/tests?period=all&show=all', test: order, runs: '#/runs?period=all', run: '#/run/unit-3', missing: '#/test/none' };
const looked = {};
looked.served = await look(context, 'served', orders.served, { ...addresses, broken, week: '#/?period=week' });
// A document that is not there is a failed request, which the console tells of.
looked.served.errors = looked.served.errors.filter((error) => !/404/.test(error));
const chosen = await step('filters', () => filters(context));
const back = await step('back', () => goBack(context));
const compared = [...Object.values(addresses), broken, ...Object.values(chosen.links)];
process.stderr.write('served and exported\n');
const [here, there] = [await texts(context, orders.served, compared), await texts(context, exported.url, compared)];
const differing = compared.filter((hash) => here[hash] !== there[hash]);
looked.exported = await look(context, 'exported', exported.url, { overview: addresses.overview, test: order });
const odd = await step('hostile', () => hostile(context));
const keyed = await step('keys', () => keys(context));
const entered = await step('guarded', () => guarded(context));
const many = await step('large', () => large(context));
const none = await step('empty', () => empty(context));
const lively = await step('live', () => live(context));
await context.close();
exported.close();
console.log(JSON.stringify({
  looked, filters: chosen.counts, linked: chosen.linked, back, differing, hostile: odd, keys: keyed, guarded: entered, large: many, empty: none, live: lively,
}));
process.exit(0);
