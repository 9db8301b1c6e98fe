"""GMoE in PyTorch, organised as research code is: a module per part, operations one by one, a loop over the experts
with index masks, nn.GRUCell, AdamW as it comes. Written from the equations."""

import torch
import torch.nn.functional as F
from torch import nn

import common


class Projection(nn.Module):
    """y = x W + b, W stored in x out."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias.flatten())

    def forward(self, x):
        return torch.matmul(x, self.weight) + self.bias


class Attention(nn.Module):
    def __init__(self, weights, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = Projection(weights["c_attn.weight"], weights["c_attn.bias"])
        self.c_proj = Projection(weights["c_proj.weight"], weights["c_proj.bias"])

    def forward(self, x, past):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2)
                   for part in self.c_attn(x).split(width, dim=2))
        if past is not None:
            k = torch.cat([past[0], k], dim=2)
            v = torch.cat([past[1], v], dim=2)
        scores = torch.matmul(q, k.transpose(-1, -2)) * common.scale_of(q.size(-1))
        seen = torch.ones(length, k.size(2), dtype=torch.bool).tril(k.size(2) - length)
        scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        y = torch.matmul(torch.softmax(scores, dim=-1), v)
        return self.c_proj(y.transpose(1, 2).reshape(batch, length, width)), (k, v)


class Expert(nn.Module):
    def __init__(self, w_in, w_out):
        super().__init__()
        self.fc1 = nn.Linear(w_in.size(1), w_in.size(0), bias=False)
        self.fc2 = nn.Linear(w_in.size(0), w_in.size(1), bias=False)
        self.fc1.weight.data.copy_(w_in)
        self.fc2.weight.data.copy_(w_out.t())

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


class Router(nn.Module):
    """A layer's routing head over the shared GRU's state and the previous layer's logits."""

    def __init__(self, weights):
        super().__init__()
        self.h_ln = layer_norm(weights["h_ln.weight"], weights["h_ln.bias"])
        self.z_ln = layer_norm(weights["prev_score_ln.weight"], weights["prev_score_ln.bias"])
        self.z_proj = nn.Parameter(weights["prev_score_proj"])
        self.gate = nn.Parameter(weights["gate_head"])

    def forward(self, h, z):
        propagated = F.linear(self.z_ln(z.detach()), self.z_proj)
        return F.linear(torch.cat([self.h_ln(h), propagated], dim=-1), self.gate)


class Mixture(nn.Module):
    def __init__(self, local, router, experts, gru):
        super().__init__()
        self.local, self.router, self.experts, self.gru = local, router, experts, gru

    def forward(self, x, h, z):
        flat = x.view(-1, x.size(-1))
        count = len(self.experts)
        if h is None:
            h, z = torch.zeros_like(flat, dtype=torch.float32), flat.new_zeros(flat.size(0), count)
        h = self.gru(flat.float(), h)
        z = self.router(h, z)
        scores = torch.softmax(z, dim=-1)
        weight, chosen = torch.max(scores, dim=-1)
        routed = torch.zeros_like(flat, dtype=torch.float32)
        for number, expert in enumerate(self.experts):
            rows = torch.nonzero(chosen == number, as_tuple=True)[0]
            if rows.numel() > 0:
                routed[rows] = (weight[rows].unsqueeze(-1) * expert(flat[rows])).float()
        share = F.one_hot(chosen, count).float().mean(dim=0)
        balance = count * torch.sum(share * scores.mean(dim=0))
        return (self.local(flat) + routed).view_as(x), h, z, balance


class Block(nn.Module):
    def __init__(self, weights, heads, mixture):
        super().__init__()
        self.ln_1 = layer_norm(weights["ln_1.weight"], weights["ln_1.bias"])
        self.attention = Attention({k[5:]: v for k, v in weights.items() if k.startswith("attn.")}, heads)
        self.ln_2 = layer_norm(weights["ln_2.weight"], weights["ln_2.bias"])
        self.mixture = mixture

    def forward(self, u, h, z, past):
        attended, present = self.attention(self.ln_1(u), past)
        u = u + attended
        y, h, z, balance = self.mixture(self.ln_2(u), h, z)
        return u + y, h, z, balance, present


class Model(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        self.alpha = config["balance.alpha"]
        self.wte = nn.Embedding.from_pretrained(weights["wte"], freeze=False)
        self.wpe = nn.Embedding.from_pretrained(weights["wpe"], freeze=False)
        m, d = config["d_ff"], config["d_model"]
        gru = nn.GRUCell(d, d)
        for name, value in gru.named_parameters():
            value.data.copy_(weights[f"router.gru.{name}"].view_as(value))
        experts = nn.ModuleList(Expert(weights["experts.w_in"][e * m:(e + 1) * m],
                                       weights["experts.w_out"][e * m:(e + 1) * m]) for e in range(config["experts"]))

        def part(prefix):
            return {k[len(prefix):]: v for k, v in weights.items() if k.startswith(prefix)}

        self.blocks = nn.ModuleList()
        for number in range(config["layers"]):
            own = part(f"h.{number}.")
            local = Expert(own["moe.local.w_in"], own["moe.local.w_out"])
            mixture = Mixture(local, Router(part(f"router.{number}.")), experts, gru)
            self.blocks.append(Block(own, config["heads"], mixture))
        self.ln_f = layer_norm(weights["ln_f.weight"], weights["ln_f.bias"])

    def hidden(self, tokens, past=None):
        first = past[0][0].size(2) if past else 0
        u = self.wte(tokens) + self.wpe(torch.arange(first, first + tokens.size(1)))
        h = z = None
        presents, balances = [], []
        for number, block in enumerate(self.blocks):
            u, h, z, balance, present = block(u, h, z, past[number] if past else None)
            presents.append(present)
            balances.append(balance)
        return self.ln_f(u), presents, torch.stack(balances).mean()

    def loss(self, tokens, targets):
        hidden, _, balance = self.hidden(tokens)
        logits = F.linear(hidden, self.wte.weight)
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1)) + self.alpha * balance

    def generate(self, prompt, count):
        made, past, tokens = [], None, prompt.view(1, -1)
        for _ in range(count):
            hidden, past, _ = self.hidden(tokens, past)
            logits = F.linear(hidden[:, -1], self.wte.weight)
            tokens = logits.argmax(dim=-1, keepdim=True)
            made.append(tokens.item())
        return made


def layer_norm(weight, bias):
    norm = nn.LayerNorm(weight.numel())
    norm.weight.data.copy_(weight.flatten())
    norm.bias.data.copy_(bias.flatten())
    return norm


def optimizer(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)


if __name__ == "__main__":
    common.main(Model, optimizer)
