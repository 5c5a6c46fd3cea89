/** Texts about what pictures are made on, and about the set-up of CUDA. */
import type { CudaReport, CudaSetup } from '$contract/cuda';
import type { Provider } from '$contract/formats';
import type { ProviderInfo, SystemInfo } from '$contract/system-info';
import { commas, t } from '../../text/text.svelte';
import { formatBytes, formatTimeLeft, UNKNOWN } from '../format-amount';

/** How CUDA stands on this computer; `none`: there is none for it. */
export type CudaStanding = 'none' | 'ready' | 'no-driver' | 'old-driver' | 'missing' | 'unfit' | 'fails';

export function infoOf({ providers }: Pick<SystemInfo, 'providers'>, provider: Provider): ProviderInfo | undefined {
  return providers.find((info) => info.provider === provider);
}

/** The first thing that lacks, in the order in which a person has to see to it. */
export function cudaStanding(system: Pick<SystemInfo, 'providers' | 'cuda'>): CudaStanding {
  const { cuda } = system;
  if (cuda === null) return 'none';
  if (infoOf(system, 'cuda')?.available === true) return 'ready';
  if (cuda.driver.state === 'missing') return 'no-driver';
  if (cuda.driver.state === 'old') return 'old-driver';
  if (cuda.parts.some(({ state }) => state === 'missing')) return 'missing';
  if (cuda.parts.some(({ state }) => state !== 'present')) return 'unfit';
  return 'fails';
}

interface Words {
  readonly title: string;
  readonly text: string;
}

/** Title and explanation for the person. */
export function cudaWords(standing: Exclude<CudaStanding, 'none'>, { driver, parts }: CudaReport): Words {
  const total = parts.length;
  const count = parts.filter(({ state }) => state !== 'present').length;
  const missing = parts.filter(({ state }) => state === 'missing').length;
  switch (standing) {
    case 'ready':
      return {
        title: t('gpu.cuda.ready'),
        text: t('gpu.cuda.ready.text', { driver: driver.found ?? driver.expected, total }),
      };
    case 'no-driver':
      return {
        title: t('gpu.cuda.no-driver'),
        text: count === 0 ? t('gpu.cuda.only-driver') : t('gpu.cuda.no-driver.text', { needed: driver.expected }),
      };
    case 'old-driver':
      return {
        title: t('gpu.cuda.old-driver'),
        text: t('gpu.cuda.old-driver.text', { found: driver.found ?? UNKNOWN, needed: driver.expected }),
      };
    case 'missing':
      return { title: t('gpu.cuda.missing', { count: missing, total }), text: t('gpu.cuda.missing.text') };
    case 'unfit':
      return { title: t('gpu.cuda.unfit', { count, total }), text: t('gpu.cuda.unfit.text') };
    case 'fails':
      return { title: t('gpu.cuda.fails'), text: t('gpu.cuda.fails.text') };
  }
}

/** `NVIDIA H200, 141 GiB` of every card. */
export function cardNames({ driver }: CudaReport): string {
  return commas(
    driver.cards.map(({ name, memoryBytes }) =>
      memoryBytes === null ? name : t('gpu.card', { name, memory: formatBytes(memoryBytes) }),
    ),
  );
}

/** What a provider runs on here, or why it is not here. */
export function providerLine(system: SystemInfo, { provider, available, detail }: ProviderInfo): string {
  const { cuda } = system;
  if (provider === 'cuda') {
    const standing = cudaStanding(system);
    if (cuda === null || standing === 'none') return t('gpu.cuda.elsewhere');
    return standing === 'ready' ? cardNames(cuda) : cudaWords(standing, cuda).title;
  }
  if (available) return provider === 'cpu' ? detail : t('gpu.ready');
  return provider === 'cpu' ? detail : t(`gpu.why.${provider}`);
}

/** Whole percent; what has begun is never none. */
function percent(fraction: number): string {
  return t('unit.percent', { value: Math.max(1, Math.floor(100 * fraction)) });
}

/** Progress of a set-up, for the line beside its buttons. */
export function setupLine({ status, phase, package: name, fraction, secondsLeft, works }: CudaSetup): string {
  if (status === 'done') return works === true ? t('setup.works') : t('setup.not-yet');
  if (status !== 'running')
    return fraction === 0 ? t('setup.kept-nothing') : t('setup.kept', { percent: percent(fraction) });
  if (phase === 'begin' || name === null) return t(phase === 'check' ? 'setup.checking' : 'setup.beginning');
  const doing = {
    download: t('setup.downloading', { package: name }),
    verify: t('setup.verifying', { package: name }),
    unpack: t('setup.unpacking', { package: name }),
    check: t('setup.checking'),
  }[phase];
  const left = formatTimeLeft(secondsLeft);
  return [doing, percent(fraction), ...(left === null ? [] : [t('time.left', { time: left })])].join(' · ');
}
