// Every screen: its address, its place in the menu, and the scope that it needs.
import type { Component } from 'svelte';
import type { Key } from './language.svelte';
import type { IconName } from './parts/Icon.svelte';
import { matched } from './route.svelte';
import Account from './screens/Account.svelte';
import Audit from './screens/Audit.svelte';
import Certificates from './screens/Certificates.svelte';
import Check from './screens/Check.svelte';
import Connection from './screens/Connection.svelte';
import Credential from './screens/Credential.svelte';
import Credentials from './screens/Credentials.svelte';
import Domain from './screens/Domain.svelte';
import Domains from './screens/Domains.svelte';
import Home from './screens/Home.svelte';
import Keys from './screens/Keys.svelte';
import LoginFailures from './screens/LoginFailures.svelte';
import Message from './screens/Message.svelte';
import Messages from './screens/Messages.svelte';
import NewCredential from './screens/NewCredential.svelte';
import Nowhere from './screens/Nowhere.svelte';
import Persons from './screens/Persons.svelte';
import Plan from './screens/Plan.svelte';
import Plans from './screens/Plans.svelte';
import Queue from './screens/Queue.svelte';
import Sending from './screens/Sending.svelte';
import Sessions from './screens/Sessions.svelte';
import Statistics from './screens/Statistics.svelte';
import Suppressions from './screens/Suppressions.svelte';
import Tenants from './screens/Tenants.svelte';
import Users from './screens/Users.svelte';
import Webhook from './screens/Webhook.svelte';
import Webhooks from './screens/Webhooks.svelte';

interface Entry {
  to: string;
  text: Key;
  icon: IconName;
  scope?: string;
  of_tenant?: true; // what somebody of the whole server sees elsewhere
}

export const sections: { title: Key | ''; entries: Entry[] }[] = [
  {
    title: '',
    entries: [
      { to: '/', text: 'nav.home', icon: 'home' },
      { to: '/messages', text: 'nav.messages', icon: 'messages', scope: 'messages:read' },
      { to: '/statistics', text: 'nav.statistics', icon: 'statistics', scope: 'statistics:read' },
      { to: '/domains', text: 'nav.domains', icon: 'domains', scope: 'domains:read' },
      { to: '/credentials', text: 'nav.credentials', icon: 'credentials', scope: 'credentials:read' },
      { to: '/plan', text: 'nav.plan', icon: 'plans', scope: 'statistics:read', of_tenant: true },
      { to: '/suppressions', text: 'nav.suppressions', icon: 'suppressions', scope: 'suppressions:read' },
    ],
  },
  {
    title: 'nav.server',
    entries: [
      { to: '/sending', text: 'nav.sending', icon: 'sending', scope: 'sources:read' },
      { to: '/certificates', text: 'nav.certificates', icon: 'certificates', scope: 'settings:read' },
      { to: '/check', text: 'nav.check', icon: 'check', scope: 'checks:read' },
      { to: '/tenants', text: 'nav.tenants', icon: 'tenants', scope: 'tenants:write' },
      { to: '/plans', text: 'nav.plans', icon: 'plans', scope: 'tenants:write' },
    ],
  },
  {
    title: 'nav.access',
    entries: [
      { to: '/keys', text: 'nav.keys', icon: 'keys', scope: 'keys:read' },
      { to: '/webhooks', text: 'nav.webhooks', icon: 'webhooks', scope: 'webhooks:read' },
      { to: '/users', text: 'nav.users', icon: 'users', scope: 'users:read' },
      { to: '/sessions', text: 'nav.sessions', icon: 'sessions', scope: 'users:write' },
      { to: '/audit', text: 'nav.audit', icon: 'audit', scope: 'users:read' },
      { to: '/persons', text: 'nav.persons', icon: 'erase', scope: 'users:write' },
    ],
  },
];

type Screen = Component<any>;
const screens: [string, Screen][] = [
  ['/', Home],
  ['/domains', Domains],
  ['/domains/:domain', Domain],
  ['/credentials', Credentials],
  ['/credentials/new', NewCredential],
  ['/credentials/:credential', Credential],
  ['/login-failures', LoginFailures],
  ['/connection', Connection],
  ['/messages', Messages],
  ['/messages/:id', Message],
  ['/queue', Queue],
  ['/statistics', Statistics],
  ['/suppressions', Suppressions],
  ['/sending', Sending],
  ['/sending/:part', Sending],
  ['/certificates', Certificates],
  ['/check', Check],
  ['/tenants', Tenants],
  ['/tenants/:tenant', Plan],
  ['/plan', Plan],
  ['/plans', Plans],
  ['/keys', Keys],
  ['/webhooks', Webhooks],
  ['/webhooks/:webhook', Webhook],
  ['/users', Users],
  ['/sessions', Sessions],
  ['/audit', Audit],
  ['/persons', Persons],
  ['/account', Account],
];

export function screen_at(path: string): { component: Screen; values: Record<string, string> } {
  for (const [pattern, component] of screens) {
    const values = matched(pattern, path);
    if (values) return { component, values };
  }
  return { component: Nowhere, values: {} };
}
