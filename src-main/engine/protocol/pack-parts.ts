/** Where the parts of a pack are. Paths are absolute. */

export interface PartPlace {
  /** Folder in diffusers' or transformers' layout, or a file that may contain other networks too. */
  readonly path: string;
  /** Its config.json; null: its sizes are read from its tensors. */
  readonly config: string | null;
}

export interface PackVariant {
  readonly infusenet: PartPlace;
  /** `image_proj_model.bin`. */
  readonly imageProjection: string;
}

/** The parts that a picture needs. */
export interface PackPlaces {
  readonly flux: PartPlace;
  readonly t5: PartPlace;
  readonly clip: PartPlace;
  readonly vae: PartPlace;
  /** Folder with vocab.json and merges.txt. */
  readonly clipTokenizer: string;
  /** Folder with tokenizer.json, or a GGUF that contains the tokenizer. */
  readonly t5Tokenizer: string;
  /** scheduler_config.json; null: FLUX.1-dev's. */
  readonly scheduler: string | null;
  /** InfiniteYou's variants by name. */
  readonly variants: ReadonlyMap<string, PackVariant>;
  readonly arcface: string | null;
  readonly scrfd: string | null;
  /** Second recognition network, ONNX; see `recognition-model.ts`. */
  readonly recognition: string | null;
}
