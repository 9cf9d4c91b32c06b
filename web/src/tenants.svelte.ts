// For whom something is made. Somebody of one tenant is never asked; somebody of the whole server with one tenant neither.
import { get, post, type Schemas } from './api/client';
import { language } from './language.svelte';
import { is_of_server } from './session.svelte';

export class TenantChoice {
  all = $state.raw<Schemas['Tenant'][]>([]);
  name = $state('');
  is_read = $state(false);

  async read(): Promise<void> {
    if (is_of_server()) {
      this.all = (await get('/api/v1/tenants')).data;
      this.name ||= this.all[0]?.name ?? '';
    }
    this.is_read = true;
  }

  // Whether the form shows a field for it.
  get is_asked(): boolean {
    return is_of_server() && this.is_read && this.all.length !== 1;
  }

  // The member `tenant` of a body. The first tenant of a server is made on the way.
  async body(): Promise<{ tenant?: string }> {
    if (!is_of_server()) return {};
    if (this.all.length === 0) {
      await post('/api/v1/tenants', { body: { name: this.name, language: language() } });
      await this.read();
    }
    return { tenant: this.name };
  }
}
