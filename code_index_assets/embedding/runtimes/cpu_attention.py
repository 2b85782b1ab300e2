"""Attention for short texts in half precision on a CPU: two batched products with a softmax between them.

What lives here: that function, and giving it to a model. What does not: anything for GPUs or for float32, where torch's
own is as fast.

torch's attention for CPUs is made for long texts: on 128 tokens it takes 4.5 ms a layer where the plain products take
2.7 (batch of 8, 12 heads of 32, one core with bf16 units), a fifth of the whole model's time.
"""

from __future__ import annotations

from typing import Any

NAME = "code_index_short_texts"


def use_plain_products(model: Any) -> None:
    """Makes a transformers model in bf16 on a CPU attend by plain products. Others keep the attention they have."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    if not getattr(model, "_supports_attention_backend", False):
        return
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, eager_mask)
    model.set_attn_implementation(NAME)


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **particulars: Any,
) -> tuple[Any, None]:
    """Softmax(query key' scaling + mask) value; query, key, value (batch, heads, tokens, width), mask added or None.

    What this form does not cover (shared key heads, position biases, soft caps) goes to transformers' own function.
    """
    import torch

    unusual = any(particulars.get(name) is not None for name in ("position_bias", "softcap", "s_aux"))
    if unusual or query.shape[:2] != key.shape[:2]:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, is_causal=False, **particulars
        )
    batch, heads, tokens, width = query.shape
    # Autocast would widen the softmax to float32, three times its time.
    with torch.autocast("cpu", enabled=False):
        scaled = (query * (width**-0.5 if scaling is None else scaling)).to(value.dtype)
        keys = key.to(value.dtype).reshape(batch * heads, -1, width)
        scores = scaled.reshape(batch * heads, tokens, width).bmm(keys.transpose(1, 2))
        if attention_mask is not None:
            scores.view(batch, heads, tokens, -1).add_(attention_mask)
        mixed = scores.softmax(-1).bmm(value.reshape(batch * heads, -1, value.shape[-1]))
    return mixed.view(batch, heads, tokens, -1).transpose(1, 2), None
