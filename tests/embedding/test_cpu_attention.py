"""The attention used on CPUs gives what a model's own gives: masks, causal order, sliding windows, shared key heads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)

from code_index_assets.embedding.runtimes.cpu_attention import NAME, use_plain_products

SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
MODELS = {
    "encoder": lambda: BertModel(BertConfig(**SMALL)),
    "sliding window": lambda: ModernBertModel(
        ModernBertConfig(**SMALL, local_attention=4, global_attn_every_n_layers=2, pad_token_id=0)
    ),
    "causal, shared key heads": lambda: Qwen3Model(Qwen3Config(**SMALL, num_key_value_heads=2, head_dim=8)),
    "causal": lambda: Qwen3Model(Qwen3Config(**SMALL, num_key_value_heads=4, head_dim=8)),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("padded", [True, False])
def test_hidden_states_are_those_of_the_models_own_attention(kind: str, padded: bool) -> None:
    torch.manual_seed(5)
    model = MODELS[kind]().eval()
    tokens = torch.randint(1, 64, (3, 11))
    mask = torch.ones_like(tokens)
    if padded:
        mask[0, 4:] = 0
        mask[2, 9:] = 0
    with torch.inference_mode():
        model.set_attn_implementation("eager")
        plain = model(input_ids=tokens, attention_mask=mask).last_hidden_state
        use_plain_products(model)
        assert model.config._attn_implementation == NAME
        ours = model(input_ids=tokens, attention_mask=mask).last_hidden_state
    seen = mask.bool()
    assert torch.allclose(ours[seen], plain[seen], atol=1e-5)


def test_a_model_with_an_attention_of_its_own_keeps_it() -> None:
    model = T5EncoderModel(T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=48, num_layers=1, num_heads=4))
    before = model.config._attn_implementation
    use_plain_products(model)
    assert model.config._attn_implementation == before != NAME
