// Drives one page of Chromium by lines of JSON: {"method", "arguments"} in, {"value"} or {"error"} out. What the page
// wrote to its console, and requests to anywhere but the server, are kept for the test.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const deadline = 15_000;

const browser = await chromium.launch({
  executablePath: process.env.RELEVO_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let context, page, tools;
let complaints = [];

const settled = () => page.locator('.loading').nth(0).waitFor({ state: 'detached' });

// The page's own rules forbid eval: this goes past them, as the tools of a developer do.
async function evaluated(expression) {
  const { result, exceptionDetails } = await tools.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

const methods = {
  // A fresh browser: no cookies, no choices.
  // `provider`: where the page may send people to sign in, with a certificate of its own.
  async open({ base, language, width, height, provider }) {
    await context?.close();
    complaints = [];
    context = await browser.newContext({ baseURL: base, locale: language, viewport: { width, height }, reducedMotion: 'reduce', ignoreHTTPSErrors: Boolean(provider), permissions: ['clipboard-read', 'clipboard-write'] });
    context.setDefaultTimeout(deadline);
    // What hostile pages call to show that they run (test_hostile_mail.py).
    await context.exposeBinding('canary', ({ page: where }, what) => void complaints.push(`canary ${what} ${where.url()}`));
    await context.addInitScript(() => {
      for (const name of ['alert', 'confirm', 'prompt', 'print', 'xss']) globalThis[name] = () => globalThis.canary(name);
    });
    page = await context.newPage();
    tools = await context.newCDPSession(page);
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    // What a policy forbids is asked for and goes nowhere; anything else has left, whatever came back.
    const is_known = (url) => url.startsWith(base) || (provider && url.startsWith(provider));
    const is_foreign = (request) => !/^(blob|data|javascript):/.test(request.url()) && !is_known(request.url());
    page.on('requestfailed', (request) => is_foreign(request) && !['csp', 'origin'].includes(request.failure()?.errorText ?? '') && complaints.push(`left ${request.url()} ${request.failure()?.errorText}`));
    page.on('requestfinished', (request) => is_foreign(request) && complaints.push(`left ${request.url()}`));
    page.on('request', (request) => /^(blob|data):/.test(request.url()) || is_known(request.url()) || complaints.push(`asked ${request.url()}`));
  },
  // A device with a fingerprint reader that always knows the person, for passkeys. Gone with the page.
  async add_authenticator() {
    await tools.send('WebAuthn.enable');
    const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
    return (await tools.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId;
  },
  // The passkeys that it holds: {"credentialId", "rpId", "signCount", …}.
  passkeys: async ({ authenticator }) => (await tools.send('WebAuthn.getCredentials', { authenticatorId: authenticator })).credentials,
  // Whether it knows the person from now on.
  recognise: ({ authenticator, person }) => tools.send('WebAuthn.setUserVerified', { authenticatorId: authenticator, isUserVerified: person }).then(() => null),
  dark: () => page.emulateMedia({ colorScheme: 'dark' }),
  resize: ({ width, height }) => page.setViewportSize({ width, height }),
  goto: async ({ path }) => {
    await page.goto(path);
    await settled();
  },
  // Where a screen is reached without loading the page again.
  visit: async ({ path }) => {
    await evaluated(`{
      const link = Object.assign(document.createElement('a'), { href: ${JSON.stringify(path)} });
      document.body.append(link);
      link.click();
      link.remove();
    }`);
    await settled();
  },
  settled,
  click: ({ role, name }) => page.getByRole(role, { name, exact: true }).first().click(),
  // What a click saves: {"name", "content" in base64}.
  download: async ({ name }) => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name, exact: true }).first().click()]);
    return { name: file.suggestedFilename(), content: (await readFile(await file.path())).toString('base64') };
  },
  click_in_dialog: ({ name }) => page.locator('dialog').getByRole('button', { name, exact: true }).last().click(),
  fill: ({ label, value }) => page.getByLabel(label, { exact: true }).fill(value),
  choose: ({ label, value }) => page.getByLabel(label, { exact: true }).selectOption(value),
  upload: ({ label, path }) => page.getByLabel(label, { exact: true }).setInputFiles(path),
  type: ({ text }) => page.keyboard.type(text),
  press: ({ key }) => page.keyboard.press(key),
  wait_for: async ({ text }) => {
    await page.getByText(text).first().waitFor({ state: 'visible' });
  },
  wait_gone: async ({ text }) => {
    await page.getByText(text).first().waitFor({ state: 'hidden' });
  },
  text: () => page.locator('body').innerText(),
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
  focus: () => evaluated('document.activeElement?.textContent ?? ""'),
  address: () => page.url(),
  evaluate: ({ script }) => evaluated(script),
  screenshot: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => null),
  // As it comes out on paper: a picture, and the colour of its text.
  print: async ({ path }) => {
    await page.emulateMedia({ media: 'print' });
    await page.screenshot({ path, fullPage: true });
    const colour = await evaluated('getComputedStyle(document.body).color');
    await page.emulateMedia({ media: null });
    return colour;
  },
  complaints: () => complaints,
  // A page that is not the console's, until it was drawn; timers of it may be forbidden.
  show: async ({ path }) => {
    await page.goto(path, { waitUntil: 'load' });
    await page.screenshot();
  },
  take_complaints: () => complaints.splice(0),
  // Faults of accessibility, the serious and critical ones; the script goes in past the page's own rules.
  async faults() {
    await evaluated(`if (!globalThis.axe) { ${require('axe-core').source} }`);
    const violations = await evaluated(`axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)`);
    return violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')).join('; ')}`);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, arguments: given } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await methods[method](given)) ?? null };
  } catch (error) {
    answer = { error: String(error).slice(0, 1500) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
