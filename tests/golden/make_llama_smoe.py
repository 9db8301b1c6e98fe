"""Writes llama_smoe.safetensors: weights, logits and gradients of a small Mixtral of the package `transformers`, in double.

    pip install torch transformers safetensors
    python tests/golden/make_llama_smoe.py

The test golden/llama_smoe holds the card llama-smoe against it. Names and shapes are those of docs/variants/llama-smoe.md.
"""

import pathlib

import torch

# The package computes norms, angles and router scores in float32 whatever the model is made of. Here they are in double.
torch.float32 = torch.float = torch.float64
torch.Tensor.float = torch.Tensor.double
torch.set_default_dtype(torch.float64)

from safetensors.torch import save_file  # noqa: E402
from transformers import MixtralConfig, MixtralForCausalLM  # noqa: E402

torch.manual_seed(0)
config = MixtralConfig(
    vocab_size=23, hidden_size=16, intermediate_size=12, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=12, num_local_experts=4, num_experts_per_tok=2, rms_norm_eps=1e-5,
    rope_theta=10000.0, tie_word_embeddings=False, router_aux_loss_coef=0.0, attn_implementation="eager",
    experts_implementation="eager")
model = MixtralForCausalLM(config).double().eval()
with torch.no_grad():
    for name, p in model.named_parameters():
        p.copy_(torch.randn(p.shape) * (0.2 if p.dim() == 1 else 0.4) + (1 if p.dim() == 1 else 0))

tokens = torch.randint(0, 23, (3, 9))
targets = torch.randint(0, 23, (3, 9))
logits = model(tokens).logits
loss = torch.nn.functional.cross_entropy(logits.view(-1, 23), targets.view(-1))
loss.backward()


def ours(of):
    """The library's parameters by name, from what `of` says of one of the package's: its value or its gradient."""
    p = dict(model.named_parameters())
    at = lambda name: of(p[name]).detach().clone()  # noqa: E731
    row = lambda name: at(name).view(1, -1)  # noqa: E731
    out = {"wte": at("model.embed_tokens.weight"), "lm_head": at("lm_head.weight"), "ln_f.weight": row("model.norm.weight")}
    gate, up, down = [], [], []
    for layer in range(config.num_hidden_layers):
        theirs, mine = f"model.layers.{layer}.", f"h.{layer}."
        out[mine + "ln_1.weight"] = row(theirs + "input_layernorm.weight")
        out[mine + "ln_2.weight"] = row(theirs + "post_attention_layernorm.weight")
        out[mine + "attn.qkv"] = torch.cat([at(theirs + f"self_attn.{n}_proj.weight") for n in "qkv"])
        out[mine + "attn.out"] = at(theirs + "self_attn.o_proj.weight")
        out[f"router.{layer}.gate"] = at(theirs + "mlp.gate.weight")
        both = at(theirs + "mlp.experts.gate_up_proj")  # N x 2m x d
        gate.append(both[:, :12].reshape(-1, 16))
        up.append(both[:, 12:].reshape(-1, 16))
        down.append(at(theirs + "mlp.experts.down_proj").transpose(1, 2).reshape(-1, 16))
    out["experts.w_gate"], out["experts.w_up"], out["experts.w_out"] = map(torch.cat, (gate, up, down))
    return {name: t.contiguous() for name, t in out.items()}


data = {"tokens": tokens, "targets": targets, "logits": logits.detach(), "loss": loss.detach().view(1)}
data |= {f"parameter/{n}": t for n, t in ours(lambda p: p).items()}
data |= {f"gradient/{n}": t for n, t in ours(lambda p: p.grad).items()}
save_file(data, pathlib.Path(__file__).with_name("llama_smoe.safetensors"))
