/**
 * Finds faces with the pack's detector and embeds them with its networks. Sessions open on first use and stay open until
 * `release`.
 */
import { dirname } from 'node:path';
import { AppError } from '../../../base/app-error.js';
import { centredFace } from '../../face/centred.js';
import { detectFaces, noFaceError, type RunScrfd } from '../../face/scrfd.js';
import { cropFace } from '../../face/warp-affine.js';
import { readImage } from '../../image/read-image.js';
import type { RgbImage } from '../../image/rgb-image.js';
import type { Pack } from '../../pack/open-pack.js';
import type { FaceReport } from '../../protocol.js';
import { openSession, type Session } from '../../runtime/session.js';
import { loadFaceEmbedder, type FaceEmbedder } from './identity.js';
import { openArcFace } from '../../pack/pack-networks.js';
import type { PrepareContext } from '../networks/prepared.js';
import { loadRecognitionModel } from './load-recognition-model.js';

/** The network that conditions pictures, and the one that only scores them. */
export type EncoderRole = 'conditioning' | 'second';

export interface FoundFaces {
  /** Largest first. */
  readonly faces: readonly FaceReport[];
  /** Detector and size, such as `scrfd at 640`. */
  readonly detector: string;
}

export class FaceAnalyst {
  readonly #pack: Pack;
  readonly #context: PrepareContext;
  #detector: Session | null = null;
  readonly #encoders = new Map<EncoderRole, FaceEmbedder>();

  constructor(pack: Pack, context: PrepareContext) {
    this.#pack = pack;
    this.#context = context;
  }

  /** Whether the pack can make an embedding of a picture. */
  get available(): boolean {
    return this.#pack.arcface !== null && (this.#pack.faceDetection.kind === 'centred' || this.#pack.scrfd !== null);
  }

  /** @throws AppError pack.incomplete without a detector; the session's errors */
  async find(image: RgbImage): Promise<FoundFaces> {
    const { faceDetection } = this.#pack;
    if (faceDetection.kind === 'centred') {
      const layout = { imageSize: faceDetection.imageSize, landmarks: faceDetection.landmarks };
      return { faces: [centredFace(image.width, image.height, layout)], detector: 'centred' };
    }
    const { faces, size } = await detectFaces(image, await this.#scrfd(), this.#context.signal);
    return { faces, detector: size === null ? 'scrfd' : `scrfd at ${size}` };
  }

  /**
   * Aligned crop [112, 112, 3] of a face of a picture file, BGR bytes.
   * @param faceIndex largest first
   * @throws AppError face.none-found, image.unreadable, engine.request-invalid for a face that does not exist
   */
  async cropFile(path: string, faceIndex: number): Promise<Uint8Array> {
    const image = await readImage(path, this.#context.signal);
    const { faces } = await this.find(image);
    if (faces.length === 0) throw noFaceError('identity');
    const face = faces[faceIndex];
    if (face === undefined) {
      throw new AppError(
        'engine.request-invalid',
        `Face ${faceIndex + 1} was chosen, but the photo has ${faces.length}.`,
        { remedy: 'Choose one of the faces that are marked.' },
      );
    }
    return cropFace(image, face.landmarks);
  }

  /** Aligned crop of the largest face of a picture; null when there is none. */
  async cropLargest(image: RgbImage): Promise<Uint8Array | null> {
    const [face] = (await this.find(image)).faces;
    return face === undefined ? null : cropFace(image, face.landmarks);
  }

  /** @throws AppError pack.incomplete where the pack has none in this role; errors of loading it */
  async encoder(role: EncoderRole): Promise<FaceEmbedder> {
    const open = this.#encoders.get(role) ?? (await (role === 'second' ? this.#loadSecond() : this.#loadArcFace()));
    this.#encoders.set(role, open);
    return open;
  }

  async release(): Promise<void> {
    const open = [this.#detector, ...[...this.#encoders.values()].map(({ session }) => session)];
    this.#detector = null;
    this.#encoders.clear();
    await Promise.all(open.map((session) => session?.release()));
  }

  async #loadSecond(): Promise<FaceEmbedder> {
    const { recognition, name } = this.#pack;
    if (recognition !== null) return loadRecognitionModel(recognition);
    throw new AppError('pack.incomplete', `The pack "${name}" has no second face network.`, {
      remedy: 'Add glintr100.onnx (InsightFace antelopev2) to the pack.',
    });
  }

  async #loadArcFace(): Promise<FaceEmbedder> {
    const network = await openArcFace(this.#pack);
    try {
      return await loadFaceEmbedder(this.#context, network);
    } finally {
      await network.source.close();
    }
  }

  /**
   * SCRFD runs on the host: it is small, and its graph is foreign and not adapted to providers. The file may name
   * external data; the runtime rejects any outside its folder.
   */
  async #scrfd(): Promise<RunScrfd> {
    const { scrfd, name } = this.#pack;
    if (scrfd === null) {
      throw new AppError('pack.incomplete', `The pack "${name}" has no face detector.`, {
        remedy: 'Add scrfd_10g_bnkps.onnx (InsightFace antelopev2) to the pack, or use an identity embedding.',
      });
    }
    if (this.#detector === null) {
      this.#detector = await openSession(scrfd, dirname(scrfd), { provider: 'cpu', label: 'the face detector' });
    }
    const session = this.#detector;
    const [input] = session.inputNames;
    return async (blob, size) => {
      const results = await session.run({ [input ?? '']: { data: blob, dims: [1, 3, size, size] } });
      return session.outputNames.map((output) => results[output] as Float32Array);
    };
  }
}
