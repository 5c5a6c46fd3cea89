import { mount } from 'svelte';
import { toErrorDto } from '$contract/error';
import { z } from 'zod';
import Root from './Root.svelte';
import { openClient } from './bridge/client';
import { createApp } from './state/app.svelte';
import { useLanguage } from './text/text.svelte';
import BootError from './ui/BootError.svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/measurements.css';

// The content security policy forbids compiling code from text, which the schema library would try.
z.config({ jitless: true });

// Until the host says what was chosen.
useLanguage('system', navigator.languages);

const target = document.querySelector('#app') ?? document.body;
try {
  const client = await openClient(window);
  mount(Root, { target, props: { app: createApp(client, window) } });
} catch (error) {
  mount(BootError, { target, props: { error: toErrorDto(error) } });
}
