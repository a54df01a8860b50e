// Opens pages in Chromium and prints what it saw as JSON. Arguments: the folder of node_modules, the folder of pages.
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, pages] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const pictures = process.env.FLAKY_SCREENSHOTS;
const url = (name) => pathToFileURL(path.join(pages, `${name}.html`)).href;

const launch = () => chromium.launchPersistentContext(mkdtempSync(path.join(tmpdir(), 'flaky-browser-')), {
  executablePath: process.env.FLAKY_CHROMIUM || '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  viewport: { width: 1280, height: 900 },
});

/** Everything that a page must not do. */
function watch(page, errors) {
  page.on('pageerror', (error) => errors.push(`error: ${error.message}`));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(`console: ${message.text()}`); });
  page.on('dialog', (dialog) => { errors.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith('file:')) errors.push(`request: ${request.url()}`); });
  page.on('popup', () => errors.push('popup'));
}

async function openRows(page, most) {
  const buttons = page.locator('.open');
  const count = Math.min(await buttons.count(), most);
  for (let at = 0; at < count; at += 1) await buttons.nth(at).click();
  for (const summary of await page.locator('main summary').all()) await summary.click();
}

async function findings(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations
    .filter((violation) => ['serious', 'critical'].includes(violation.impact))
    .map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`).join(' | ')}`);
}

/** The table with its open rows, and the end of the page. */
async function picture(page, name) {
  if (!pictures) return;
  const row = page.locator('tr.row');
  if (await row.count() > 1) await row.nth(1).scrollIntoViewIfNeeded();
  await page.evaluate(() => { const row = document.querySelectorAll('tr.row')[1]; if (row) row.scrollIntoView(); });
  await page.waitForTimeout(150);
  await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  await page.evaluate(() => document.querySelector('#clusters, #times, #about').scrollIntoView());
  await page.waitForTimeout(150);
  await page.screenshot({ path: path.join(pictures, `${name}-below.png`) });
}

async function look(context, name) {
  const errors = [];
  const found = [];
  const page = await context.newPage();
  watch(page, errors);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(url(name));
    await page.waitForTimeout(300);
    if (pictures) await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) });
    await openRows(page, name === 'hostile' ? 50 : 3);
    found.push(...(await findings(page)).map((finding) => `${colorScheme}: ${finding}`));
    await picture(page, `${name}-${colorScheme}-open`);
  }
  const shown = page.locator('.shown');
  const told = await shown.count() > 0 ? await shown.textContent() : null;
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 380, height: 800 });
  await page.goto(url(name));
  await page.waitForTimeout(300);
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}-narrow.png`) });
  await openRows(page, 2);
  await picture(page, `${name}-narrow-open`);
  found.push(...(await findings(page)).map((finding) => `narrow: ${finding}`));
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  // Whatever a handler on hostile text would wait for.
  await page.mouse.move(100, 300);
  await page.keyboard.press('Tab');
  const pwned = await page.evaluate(() => 'pwned' in globalThis);
  await page.close();
  return { errors, axe: found, pwned, wider, told };
}

async function paint() {
  const context = await launch();
  const page = context.pages()[0] || await context.newPage();
  await page.goto(url('large'));
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  const time = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  await context.close();
  return time;
}

/** Loads the large page five times, then uses it as a person does, and keeps the longest task. */
async function speed(context) {
  const paints = [];
  for (let at = 0; at < 5; at += 1) paints.push(await paint());
  paints.sort((a, b) => a - b);
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map((entry) => [entry.startTime, entry.duration])))
      .observe({ type: 'longtask', buffered: true });
  });
  await page.goto(url('large'), { waitUntil: 'load' });
  const ready = await page.evaluate(() => performance.now());
  await page.waitForTimeout(500);
  await page.getByText('Show all').click();
  await page.waitForFunction(() => document.querySelectorAll('tr.row').length === 5000);
  for (let at = 0; at < 20; at += 1) {
    await page.mouse.wheel(0, 10000);
    await page.waitForTimeout(60);
  }
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator('.open').nth(0).click();
  const strip = page.locator('.panel .strip').first();
  await strip.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  const keys = /^Attempt \d+ · seed \d+ · failed, way \d/.test(await strip.getAttribute('aria-valuetext'));
  const tail = page.locator('.open').nth(4321);
  await tail.click();
  await page.locator('select').selectOption('slow');
  await page.locator('select').selectOption('name');
  await page.locator('.chip').nth(1).click();
  await page.locator('.chip').nth(1).click();
  await page.locator('input[type=search]').fill('test_case_04321');
  await page.waitForTimeout(400);
  const found = await page.locator('.shown').textContent();
  await page.locator('input[type=search]').fill('');
  await page.waitForTimeout(400);
  const tasks = await page.evaluate(() => globalThis.tasks);
  const heap = await page.evaluate(() => Math.round(performance.memory.usedJSHeapSize / 1e6));
  await page.close();
  const longest = (list) => Math.max(0, ...list.map(([, duration]) => duration));
  return {
    bytes: statSync(path.join(pages, 'large.html')).size, paint: paints[2], paints, found, keys, heap,
    longest: longest(tasks.filter(([start]) => start >= ready)), loading: longest(tasks.filter(([start]) => start < ready)),
  };
}

/** What the page offers, used once. The last part breaks in on purpose: the page's policy must hold. */
async function use(context) {
  const page = await context.newPage();
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(url('sample'));
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const theme = page.locator('#theme');
  const themes = [await background()];
  for (let at = 0; at < 3; at += 1) {
    await theme.click();
    themes.push(await background());
  }
  await page.locator('[data-copy]').first().click();
  await page.waitForFunction(() => document.getElementById('said').textContent !== '');
  const copied = await page.locator('#said').textContent();
  await page.locator('main summary').first().click();
  await page.locator('.find').first().click();
  const found = await page.locator('.shown').textContent();
  await page.keyboard.press('/');
  const searching = await page.evaluate(() => document.activeElement.type === 'search');
  // A request that the policy stops is announced too, and fails for that reason.
  const requests = new Map();
  page.on('request', (request) => requests.set(request.url(), 'sent'));
  page.on('requestfailed', (request) => requests.set(request.url(), request.failure().errorText));
  const [broken, refused] = await page.evaluate(async () => {
    const violations = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'globalThis.brokenIn = 1';
    const image = new Image();
    image.src = 'https://evil.example/x.png';
    document.body.append(script, image);
    document.body.insertAdjacentHTML('beforeend', '<img src=x: onerror="globalThis.brokenIn = 2">');
    await new Promise((done) => { setTimeout(done, 200); });
    return ['brokenIn' in globalThis, violations.sort()];
  });
  await page.close();
  return { themes, copied, found, searching, broken, refused, requests: [...requests.values()] };
}

const context = await launch();
const seen = {};
for (const name of ['sample', 'hostile', 'large', 'empty']) seen[name] = await look(context, name);
const used = await use(context);
const large = await speed(context);
await context.close();
console.log(JSON.stringify({ pages: seen, used, large }, null, 1));
