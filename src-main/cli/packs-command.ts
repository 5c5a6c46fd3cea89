/** `packs`: lists, imports, downloads, verifies and removes model packs, and stores the token for gated ones. */
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AppError } from '../base/app-error.js';
import { auditPack } from '../engine/pack/audit-pack.js';
import { auditStray } from '../engine/pack/audit-stray.js';
import { downloadPack } from '../library/download-pack.js';
import { findToken, hubSettings } from '../library/hub-settings.js';
import { checkImport, type Auditor } from '../library/import-check.js';
import { linkPack } from '../library/link-pack.js';
import { filesOf, licencesOf, MANIFESTS, type DownloadManifest } from '../library/manifest.js';
import { packUse, removePackFolder } from '../library/pack-folder.js';
import { TokenFile } from '../library/token-file.js';
import { checkHashes } from '../library/verify-hashes.js';
import { defaultPacksDir, defaultTokenFile } from '../services/support/data-dir.js';
import { describeAudit, describeImport, describeLicences } from './describe-audit.js';
import { formatBytes } from '../services/support/byte-size.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

const AUDITOR: Auditor = { pack: auditPack, stray: auditStray };

interface Shared {
  readonly dir: string;
  readonly json?: boolean;
}

export function packsCommand(): Command {
  const packs = new Command('packs').description('List, import, download, verify and remove model packs.');
  const commands = [
    listCommand(),
    importCommand(),
    downloadCommand(),
    verifyCommand(),
    removeCommand(),
    tokenCommand(),
  ];
  for (const command of commands) packs.addCommand(command.exitOverride());
  return packs.exitOverride();
}

function withShared(command: Command): Command {
  return command
    .addOption(new Option('--dir <folder>', 'folder of the packs').default(defaultPacksDir(), 'the app’s'))
    .option('--json', 'print as JSON');
}

function listCommand(): Command {
  return withShared(new Command('list'))
    .description('List the packs with their sizes and what is on the disk.')
    .action(async (options: Shared) => {
      const rows = await Promise.all(
        MANIFESTS.map(async (manifest) => {
          const folder = packFolder(options.dir, manifest.id);
          const downloadBytes = filesOf(manifest, manifest.variants).reduce((sum, { bytes }) => sum + bytes, 0);
          const { id, name, variants, licences } = manifest;
          return { id, name, variants, licences, folder, downloadBytes, ...(await packUse(folder)) };
        }),
      );
      if (options.json === true) printJson(rows);
      else
        print(
          formatTable([
            ['pack', 'state', 'on disk', 'linked', 'all variants', 'variants'],
            ...rows.map((row) => [
              row.id,
              row.unfinished > 0 ? 'unfinished' : row.installed ? 'present' : 'absent',
              formatBytes(row.ownBytes),
              formatBytes(row.linkedBytes),
              formatBytes(row.downloadBytes),
              row.variants.join(', '),
            ]),
          ]),
        );
    });
}

function importCommand(): Command {
  return withShared(new Command('import'))
    .description('Use existing files: checks them by their headers and links them, without copying.')
    .argument('[folders...]', 'folders to search; default: the cache of Hugging Face’s tools')
    .option('--pack <id>', 'pack to import', 'infiniteyou-flux')
    .option('--variant <name...>', 'variants to import; default: all that are found')
    .option('--hub-cache', 'also search the cache of Hugging Face’s tools')
    .option('--check', 'only report what is found')
    .action(
      async (
        folders: string[],
        options: Shared & {
          readonly pack: string;
          readonly variant?: string[];
          readonly hubCache?: boolean;
          readonly check?: boolean;
        },
      ) => {
        const manifest = manifestOf(options.pack);
        const useCache = options.hubCache === true || folders.length === 0;
        const report = await checkImport(
          {
            manifest,
            roots: folders.map((folder) => resolve(folder)),
            cacheDir: useCache ? hubSettings().cacheDir : null,
            variants: options.variant ?? [],
          },
          AUDITOR,
        );
        const folder = packFolder(options.dir, manifest.id);
        const linked = report.audit.complete && options.check !== true;
        if (linked) await linkPack(report.found, folder);
        if (options.json === true)
          printJson({ ...report.audit, strays: report.strays, folder: linked ? folder : null });
        else print(describeImport(report, linked ? folder : null));
        if (!report.audit.complete) process.exitCode = 1;
      },
    );
}

function downloadCommand(): Command {
  return withShared(new Command('download'))
    .description('Download a pack; run it again to resume.')
    .argument('[pack]', 'pack to download', 'infiniteyou-flux')
    .option('--variant <name...>', 'variants to download', ['aes_stage2'])
    .option('--accept-licences', 'you have read and accept the listed licences')
    .action(
      async (pack: string, options: Shared & { readonly variant: string[]; readonly acceptLicences?: boolean }) => {
        const manifest = manifestOf(pack);
        checkVariants(manifest, options.variant);
        const licences = licencesOf(manifest, filesOf(manifest, options.variant));
        if (options.json !== true) print(describeLicences(licences));
        const hub = hubSettings();
        const token = await findToken(hub, () => tokenStore().read());
        const folder = packFolder(options.dir, manifest.id);
        try {
          const files = await downloadPack({
            manifest,
            variants: options.variant,
            folder,
            hub,
            token,
            acceptedLicences: options.acceptLicences === true ? licences.map(({ id }) => id) : [],
            signal: interruptSignal(),
            onProgress: ({ phase, file, receivedBytes, totalBytes, bytesPerSecond, secondsLeft }) => {
              const speed = bytesPerSecond === null ? '' : ` ${formatBytes(bytesPerSecond)}/s`;
              const left = secondsLeft === null ? '' : `, ${Math.ceil(secondsLeft / 60)} min left`;
              showProgress(totalBytes === 0 ? 0 : receivedBytes / totalBytes, `${phase} ${file}${speed}${left}`);
            },
          });
          endProgress();
          if (options.json === true) printJson({ folder, files });
          else print(`${manifest.name} is complete in ${folder}.`);
        } finally {
          endProgress();
        }
      },
    );
}

function verifyCommand(): Command {
  return withShared(new Command('verify'))
    .description('Check a pack’s files by their headers and, where published, by their hashes.')
    .argument('[pack]', 'pack to verify', 'infiniteyou-flux')
    .action(async (pack: string, options: Shared) => {
      const manifest = manifestOf(pack);
      const folder = packFolder(options.dir, manifest.id);
      const { audit } = await checkImport({ manifest, roots: [folder], cacheDir: null, variants: [] }, AUDITOR);
      const hashes = await checkHashes(manifest, folder, interruptSignal());
      const complete = audit.complete && hashes.every(({ matches }) => matches);
      if (options.json === true) printJson({ ...audit, hashes, complete });
      else print(describeAudit(audit, hashes));
      if (!complete) process.exitCode = 1;
    });
}

function removeCommand(): Command {
  return withShared(new Command('remove'))
    .description('Remove a pack’s folder; files that it only links to stay.')
    .argument('<pack>', 'pack to remove')
    .action(async (pack: string, options: Shared) => {
      const folder = packFolder(options.dir, manifestOf(pack).id);
      const { ownBytes } = await packUse(folder);
      await removePackFolder(folder);
      if (options.json === true) printJson({ folder, freedBytes: ownBytes });
      else print(`Removed ${folder}; ${formatBytes(ownBytes)} are free again.`);
    });
}

function tokenCommand(): Command {
  return new Command('token')
    .description('Save or delete the token for gated packs. It is read from standard input.')
    .argument('<action>', 'save or forget')
    .action(async (action: string) => {
      if (action === 'forget') await tokenStore().forget();
      else if (action === 'save') await tokenStore().save(await readInput());
      else
        throw new AppError('engine.request-invalid', `"${action}" is not an action; expected save or forget.`, {
          remedy: 'Write: packs token save, and give the token on standard input.',
        });
      print(action === 'save' ? 'The token is saved in a file that only you can read.' : 'The token is deleted.');
    });
}

async function readInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}

function tokenStore(): TokenFile {
  return new TokenFile(defaultTokenFile());
}

function packFolder(dir: string, id: string): string {
  return join(resolve(dir), id);
}

/** @throws AppError pack.not-found */
function manifestOf(id: string): DownloadManifest {
  const manifest = MANIFESTS.find((known) => known.id === id);
  if (manifest !== undefined) return manifest;
  throw new AppError(
    'pack.not-found',
    `There is no pack "${id}"; known are ${MANIFESTS.map((m) => m.id).join(', ')}.`,
    { remedy: 'List them with: packs list.' },
  );
}

/** @throws AppError engine.request-invalid */
function checkVariants(manifest: DownloadManifest, variants: readonly string[]): void {
  const unknown = variants.find((variant) => !manifest.variants.includes(variant));
  if (unknown === undefined) return;
  throw new AppError('engine.request-invalid', `There is no variant "${unknown}" of ${manifest.name}.`, {
    remedy: `Choose among ${manifest.variants.join(', ')}.`,
  });
}
