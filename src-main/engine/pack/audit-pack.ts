/**
 * Checks every part of a pack by headers alone, without reading weights: parts that are present, missing, truncated or of
 * another model, and what to do about each.
 */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  AuditedPart,
  AuditFinding,
  AuditPart,
  AuditTarget,
  ExpectedTensors,
  PackAudit,
} from '../protocol/audit-report.js';
import type { PartPlace } from '../protocol/pack-parts.js';
import { auditComponent, type ComponentRules, type Json } from './audit-component.js';
import { auditArcFace, auditImageProjection, auditRecognition, auditScrfd } from './audit-face-parts.js';
import * as say from './audit-findings.js';
import * as onDisk from './file-findings.js';
import { openPack } from './open-pack.js';
import { auditClipTokenizer, auditT5Tokenizer } from './audit-tokenizers.js';
import { CLIP_RULES, FLUX_RULES, INFUSENET_RULES, T5_RULES, VAE_RULES } from './audit-rules.js';

/** @returns every part in the order of `AUDIT_PARTS`, variants in theirs */
export async function auditPack(target: AuditTarget, expectedTensors: ExpectedTensors = {}): Promise<PackAudit> {
  const parts: AuditedPart[] = [];
  const configs = new Map<AuditPart, Json>();
  const component = async (rules: ComponentRules, place: PartPlace | null, variant: string | null = null) => {
    const { audited, config } = await auditComponent(rules, place, variant, expectedTensors[rules.part]);
    if (config !== null) configs.set(rules.part, config);
    return audited;
  };
  parts.push(await component(FLUX_RULES, target.flux));
  parts.push(await component(T5_RULES, target.t5));
  parts.push(await component(CLIP_RULES, target.clip));
  parts.push(await component(VAE_RULES, target.vae));
  parts.push(
    await auditClipTokenizer(target.clipTokenizer, expectedTensors.tokenizer),
    await auditT5Tokenizer(target.t5Tokenizer, expectedTensors.tokenizer_2),
  );
  for (const [variant, { infusenet, imageProjection }] of target.variants) {
    const audited = await component({ ...INFUSENET_RULES, label: `InfuseNet (${variant})` }, infusenet, variant);
    const better = audited.state === 'missing' ? await insteadOfInfuseNet(audited, variant) : null;
    parts.push(better === null ? audited : { ...audited, state: better.state, path: better.file, findings: [better] });
    parts.push(await auditImageProjection(variant, imageProjection));
  }
  parts.push(await auditArcFace(target.arcface), await auditScrfd(target.scrfd));
  parts.push(...(await auditRecognition(target.recognition, target.arcface)));
  const agreed = parts.map((part) => agreeing(part, configs));
  const needed = agreed.filter(({ part }) => part !== 'recognition');
  return { parts: agreed, complete: target.variants.length > 0 && needed.every(({ state }) => state === 'ok') };
}

/** The parts of the pack in a folder. @throws AppError as `openPack` */
export async function packTarget(folder: string): Promise<AuditTarget> {
  const { variants, ...places } = await openPack(folder);
  return { ...places, variants: [...variants] };
}

/** What lies beside the place where InfuseNet's weights are missing. */
async function insteadOfInfuseNet({ path }: AuditedPart, variant: string): Promise<AuditFinding | null> {
  if (path === null) return null;
  const label = `InfuseNet (${variant})`;
  const folder = dirname(path);
  const short = variant.split('_')[0] ?? variant;
  const expected = `infusenet_${short}_bf16.safetensors`;
  const names: readonly string[] = await readdir(folder).catch(() => []);
  const other = names.find(
    (name) => /^infusenet_.*\.safetensors$/.test(name) && !name.startsWith(`infusenet_${short}_`),
  );
  if (other !== undefined) return say.wrongVariant(label, join(folder, other), expected);
  const partial = names.find((name) => name.startsWith(`${expected}.`));
  return partial === undefined ? null : onDisk.unfinished(label, join(folder, partial));
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
