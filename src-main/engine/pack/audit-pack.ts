/**
 * Checks every part of a pack by headers alone, without reading weights: parts that are present, missing, truncated or of
 * another model, and what to do about each.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { auditFile, presence, readEntries, type CheckpointFacts } from './audit-checkpoint.js';
import {
  auditComponent,
  auditedPart,
  folderWeights,
  readObject,
  type ComponentRules,
  type Json,
} from './audit-component.js';
import { auditArcFace, auditImageProjection, auditRecognition, auditScrfd } from './audit-face-parts.js';
import * as say from './audit-findings.js';
import type { AuditedPart, AuditFinding, AuditPart, AuditTarget, PackAudit } from '../protocol/audit-report.js';
import { CLIP_RULES, FLUX_RULES, INFUSENET_RULES, T5_RULES, VAE_RULES } from './audit-rules.js';

/** @returns every part in the order of `AUDIT_PARTS`, variants in theirs */
export async function auditPack(target: AuditTarget): Promise<PackAudit> {
  const parts: AuditedPart[] = [];
  const configs = new Map<AuditPart, Json>();
  const component = async (rules: ComponentRules, folder: string, variant: string | null = null) => {
    const { audited, config } = await auditComponent(rules, folder, variant, target.expectedTensors?.[rules.part]);
    if (config !== null) configs.set(rules.part, config);
    parts.push(audited);
  };
  if (target.flux === null) {
    for (const { part, label } of [FLUX_RULES, T5_RULES, CLIP_RULES, VAE_RULES]) parts.push(absent(part, label));
    parts.push(absent('tokenizer', 'CLIP’s tokenizer'), absent('tokenizer_2', 'T5’s tokenizer'));
  } else {
    await component(FLUX_RULES, join(target.flux, 'transformer'));
    await component(T5_RULES, join(target.flux, 'text_encoder_2'));
    await component(CLIP_RULES, join(target.flux, 'text_encoder'));
    await component(VAE_RULES, join(target.flux, 'vae'));
    parts.push(await auditTokenizer('tokenizer', 'CLIP’s tokenizer', target.flux, ['vocab.json', 'merges.txt']));
    parts.push(await auditTokenizer('tokenizer_2', 'T5’s tokenizer', target.flux, ['tokenizer.json']));
  }
  for (const [variant, folder] of target.variants) {
    parts.push(await auditInfuseNet(variant, folder, target, configs));
    parts.push(await auditImageProjection(variant, folder));
  }
  parts.push(await auditArcFace(target.arcface), await auditScrfd(target.scrfd));
  parts.push(...(await auditRecognition(target.recognition, target.arcface)));
  const agreed = parts.map((part) => agreeing(part, configs));
  const needed = agreed.filter(({ part }) => part !== 'recognition');
  return { parts: agreed, complete: target.variants.size > 0 && needed.every(({ state }) => state === 'ok') };
}

function absent(part: AuditPart, label: string): AuditedPart {
  const missing = say.finding(
    'missing',
    'part-missing',
    '',
    `${label} was not found in any of the searched places.`,
    'Download it, or choose the folder that contains it.',
  );
  return auditedPart({ part, variant: null, path: null }, [missing]);
}

async function auditTokenizer(
  part: 'tokenizer' | 'tokenizer_2',
  label: string,
  flux: string,
  files: readonly string[],
): Promise<AuditedPart> {
  const folder = join(flux, part);
  const findings: AuditFinding[] = [];
  if ((await presence(folder)) === 'there') {
    for (const name of [...files, 'tokenizer_config.json']) {
      const file = join(folder, name);
      const there = await presence(file);
      if (there === 'broken-link') findings.push(say.brokenLink(label, file));
      else if (there === 'absent') findings.push(say.missingFile(label, file, `Download ${name} of the same folder.`));
      else if (name.endsWith('.json') && (await readObject(file)) === null) {
        const [wrong] = await auditFile(label, file, ['json'], 'a JSON file');
        findings.push(wrong ?? say.damagedJson(label, file));
      }
    }
  } else findings.push(say.missingFolder(label, folder));
  return auditedPart({ part, variant: null, path: folder }, findings);
}

async function auditInfuseNet(
  variant: string,
  folder: string,
  target: AuditTarget,
  configs: Map<AuditPart, Json>,
): Promise<AuditedPart> {
  const rules = { ...INFUSENET_RULES, label: `InfuseNet (${variant})` };
  const { audited, config } = await auditComponent(
    rules,
    join(folder, 'InfuseNetModel'),
    variant,
    target.expectedTensors?.infusenet,
    (label) => infuseNetWeights(label, variant, folder),
  );
  if (config !== null) configs.set('infusenet', config);
  return audited;
}

/** The single bf16 file if it exists, else the sharded folder. */
async function infuseNetWeights(
  label: string,
  variant: string,
  folder: string,
): Promise<CheckpointFacts & { readonly path: string }> {
  const short = variant.split('_')[0] ?? variant;
  const expected = `infusenet_${short}_bf16.safetensors`;
  const names: readonly string[] = await readdir(folder).catch(() => []);
  const inner = join(folder, 'InfuseNetModel');
  if (names.includes(expected)) {
    const path = join(folder, expected);
    const findings = await auditFile(label, path);
    return findings.length > 0 ? { findings, entries: null, path } : { ...(await readEntries(label, path)), path };
  }
  const sharded = await folderWeights(label, inner);
  if (sharded.entries !== null) return sharded;
  const other = names.find((name) => /^infusenet_.*_bf16\.safetensors$/.test(name));
  const fp8 = names.find((name) => /^infusenet_.*fp8.*\.safetensors$/.test(name));
  const partial = names.find((name) => name.startsWith(`${expected}.`));
  const nothing = sharded.findings[0]?.kind === 'weights-missing';
  if (!nothing) return sharded;
  const instead =
    other !== undefined
      ? say.wrongVariant(label, join(folder, other), expected)
      : partial !== undefined
        ? say.unfinished(label, join(folder, partial))
        : fp8 !== undefined
          ? say.fp8Only(label, join(folder, fp8))
          : null;
  return instead === null ? sharded : { findings: [instead], entries: null, path: instead.file };
}

/** Adds problems between parts: widths that must match FLUX's. */
function agreeing(audited: AuditedPart, configs: ReadonlyMap<AuditPart, Json>): AuditedPart {
  const flux = configs.get('flux');
  const own = configs.get(audited.part);
  if (audited.state !== 'ok' || flux === undefined || own === undefined || audited.path === null) return audited;
  const width = (config: Json) => Number(config['num_attention_heads']) * Number(config['attention_head_dim']);
  const checks: readonly (readonly [AuditPart, string, number, number])[] = [
    ['infusenet', 'its width', width(own), width(flux)],
    [
      'infusenet',
      'the pooled text it reads',
      Number(own['pooled_projection_dim']),
      Number(flux['pooled_projection_dim']),
    ],
    ['t5', 'its width', Number(own['d_model']), Number(flux['joint_attention_dim'])],
    ['clip', 'its width', Number(own['hidden_size']), Number(flux['pooled_projection_dim'])],
  ];
  const wrong = checks.find(([part, , found, expected]) => part === audited.part && found !== expected);
  if (wrong === undefined) return audited;
  const [, what, found, expected] = wrong;
  const finding = say.disagree(audited.part, audited.path, what, found, expected);
  return { ...audited, state: finding.state, findings: [finding] };
}
