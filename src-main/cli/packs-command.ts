/** `packs`: lists, imports, downloads, verifies and removes model packs, and stores the token for gated ones. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { typedOutput } from '../services/support/writable-folder.js';
import { typedAbsolute } from '../disk/paths.js';
import { decodeText } from '../disk/text-file.js';
import { AppError } from '../base/app-error.js';
import { auditPack, packTarget } from '../engine/pack/audit-pack.js';
import { describePlace } from '../engine/pack/describe-place.js';
import type { PlaceDescription } from '../engine/protocol/audit-report.js';
import { downloadPack } from '../library/download-pack.js';
import { findToken, hubSettings } from '../library/hub-settings.js';
import { searchParts, type Auditor } from '../library/import-check.js';
import { folderForName, importedPacks } from '../library/imported-packs.js';
import {
  filesOf,
  INFINITEYOU_FLUX,
  licencesOf,
  licenceText,
  MANIFESTS,
  type DownloadManifest,
} from '../library/manifest.js';
import { missingParts } from '../library/missing-parts.js';
import { packUse, removePackFolder } from '../library/pack-folder.js';
import { choiceOf, targetOf } from '../library/part-choice.js';
import { TokenFile } from '../library/token-file.js';
import { checkHashes } from '../library/verify-hashes.js';
import { writePack } from '../library/write-pack.js';
import { defaultPacksDir, defaultTokenFile } from '../services/support/data-dir.js';
import { describeAudit, describeImport, describeLicences } from './describe-audit.js';
import { formatBytes } from '../services/support/byte-size.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

const AUDITOR: Auditor = {
  async pack(target, expectedTensors) {
    return auditPack('packPath' in target ? await packTarget(target.packPath) : target, expectedTensors);
  },
  async describe(places, expectedTensors) {
    const described: PlaceDescription[] = [];
    for (const path of places) described.push(await describePlace(path, expectedTensors));
    return described;
  },
};

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
      const imported = await Promise.all(
        importedOf(options.dir).map(async ({ id, name, folder }) => ({ id, name, folder, ...(await packUse(folder)) })),
      );
      if (options.json === true) printJson([...rows, ...imported]);
      else
        print(
          formatTable([
            ['pack', 'state', 'on disk', 'elsewhere', 'all variants', 'variants'],
            ...rows.map((row) => [
              row.id,
              row.unfinished > 0 ? 'unfinished' : row.installed ? 'present' : 'absent',
              formatBytes(row.ownBytes),
              formatBytes(row.linkedBytes),
              formatBytes(row.downloadBytes),
              row.variants.join(', '),
            ]),
            ...imported.map(({ id, ownBytes, linkedBytes }) => [
              id,
              'present',
              formatBytes(ownBytes),
              formatBytes(linkedBytes),
              '',
              '',
            ]),
          ]),
        );
    });
}

interface ImportOptions extends Shared {
  readonly variant?: string[];
  readonly choose?: string[];
  readonly name: string;
  readonly hubCache?: boolean;
  readonly check?: boolean;
}

function importCommand(): Command {
  return withShared(new Command('import'))
    .description('Use existing files where they lie: tells by the headers what they are, and copies nothing.')
    .argument('[places...]', 'folders to search, and files; default: the cache of Hugging Face’s tools')
    .option('--choose <part=path...>', 'which file to use where several were found; parts are named as in the list')
    .option('--variant <name...>', 'variants to import; default: all that are found')
    .option('--name <name>', 'name of the new pack', 'My files')
    .option('--hub-cache', 'also search the cache of Hugging Face’s tools')
    .option('--check', 'only report what is found')
    .action(async (places: string[], options: ImportOptions) => {
      const { expectedTensors } = INFINITEYOU_FLUX;
      const useCache = options.hubCache === true || places.length === 0;
      const chosen = [...places.map((place) => typedAbsolute(place)), ...(useCache ? [hubSettings().cacheDir] : [])];
      const request = { places: chosen, own: [typedOutput(options.dir)], expectedTensors, signal: interruptSignal() };
      const search = await searchParts(request, AUDITOR);
      const choice = choiceOf(search.slots, wishes(options.choose ?? []));
      const target = targetOf(search.slots, choice, options.variant);
      const audit = await AUDITOR.pack(target, expectedTensors);
      let folder: string | null = null;
      if (audit.complete && options.check !== true) {
        const taken = MANIFESTS.map(({ id }) => id);
        folder = folderForName(typedOutput(options.dir), options.name, taken);
        await writePack(target, { name: options.name, licence: licenceText(INFINITEYOU_FLUX) }, folder);
      }
      const missing = missingParts(search.slots, INFINITEYOU_FLUX).map(({ files: _, ...part }) => part);
      if (options.json === true) printJson({ ...audit, ...search, missing, folder });
      else print(describeImport({ search, audit, choice, missing, folder }));
      if (!audit.complete) process.exitCode = 1;
    });
}

/** @throws AppError engine.request-invalid */
function wishes(options: readonly string[]): Map<string, string> {
  return new Map(
    options.map((option) => {
      const at = option.indexOf('=');
      if (at > 0) return [option.slice(0, at), typedAbsolute(option.slice(at + 1))];
      throw new AppError('engine.request-invalid', `--choose got "${option}", expected a part and a path.`, {
        remedy: 'Write for example: --choose flux=/models/flux1-dev-Q4_K_S.gguf',
      });
    }),
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
      const { folder, manifest } = installedOf(pack, options.dir);
      const { expectedTensors } = manifest ?? INFINITEYOU_FLUX;
      const audit = await AUDITOR.pack({ packPath: folder }, expectedTensors);
      const hashes = manifest === null ? [] : await checkHashes(manifest, folder, interruptSignal());
      const complete = audit.complete && hashes.every(({ matches }) => matches);
      if (options.json === true) printJson({ ...audit, hashes, complete });
      else print(describeAudit(audit, hashes));
      if (!complete) process.exitCode = 1;
    });
}

function removeCommand(): Command {
  return withShared(new Command('remove'))
    .description('Remove a pack’s folder; files elsewhere stay.')
    .argument('<pack>', 'pack to remove')
    .action(async (pack: string, options: Shared) => {
      const { folder } = installedOf(pack, options.dir);
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
      print(action === 'save' ? savedToken(process.platform) : 'The token is deleted.');
    });
}

/** Windows has no mode of a file that excludes others; the folder's own rights do. */
function savedToken(platform: NodeJS.Platform): string {
  return platform === 'win32'
    ? `The token is saved in ${defaultTokenFile()}, which other accounts can read as far as Windows lets them into your user folder.`
    : 'The token is saved in a file that only you can read.';
}

async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return decodeText(Buffer.concat(chunks));
}

function tokenStore(): TokenFile {
  return new TokenFile(defaultTokenFile());
}

function packFolder(dir: string, id: string): string {
  return join(typedOutput(dir), id);
}

/** Imported packs that are not a downloadable one. */
function importedOf(dir: string): readonly { readonly id: string; readonly name: string; readonly folder: string }[] {
  return importedPacks(typedOutput(dir)).filter(({ id }) => !MANIFESTS.some((manifest) => manifest.id === id));
}

/** A downloaded or imported pack; `manifest` is null for an imported one. @throws AppError pack.not-found */
function installedOf(id: string, dir: string): { readonly folder: string; readonly manifest: DownloadManifest | null } {
  const imported = importedPacks(typedOutput(dir)).find((pack) => pack.id === id);
  if (imported !== undefined) return { folder: imported.folder, manifest: null };
  return { folder: packFolder(dir, id), manifest: manifestOf(id) };
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
