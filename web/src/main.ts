import { mount } from 'svelte';
import App from './App.svelte';
import { start_language } from './language.svelte';
import { follow_links } from './route.svelte';
import { start_theme } from './theme.svelte';
import './style/base.css';
import './style/parts.css';

start_theme();
follow_links();
await start_language();
mount(App, { target: document.getElementById('console')! });
